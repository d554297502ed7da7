"""The rule book: rule files found, read, compiled, checked and numbered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from alerts.authoring.lint import Lint, lint
from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.rule import Rule, compile_rule
from alerts.rule_file import RuleError
from connectors.calendars import load_calendars
from connectors.yaml_file import Document, YamlError, load

RULES_FOLDER = Path(__file__).parent.parent / "alerts" / "rules"
RUNNING = ("live", "shadow")


class RulebookError(ValueError):
    """Rules that cannot be loaded: one line for each thing that is wrong, with file and line."""


class ReadRule(NamedTuple):
    """One compiled rule and the file it stands in."""

    rule: Rule
    document: Document

    def lint(self) -> list[tuple[Lint, str]]:
        """The remarks on the rule, each with its `file:line`."""
        return [(remark, self.document.at(remark.path)) for remark in lint(self.rule)]


class Rulebook(NamedTuple):
    """What some paths hold: the rules that run, those that are left out, and what could not be read."""

    rules: list[Rule]
    left_out: list[Rule]  # disabled or deprecated
    failures: list[str]


def load_rules(
    paths: Iterable[Path | str], channels: Mapping[str, Channel], calendars: Mapping[str, Calendar] | None = None
) -> list[Rule]:
    """The live and shadow rules of files and folders, numbered in the order of their ids.

    `calendars` are those that come with Anlan unless others are given. Raises `RulebookError` if anything in the
    files is wrong: half a rule book is none.
    """
    book = read_rulebook(paths, channels, calendars)
    if book.failures:
        raise RulebookError("\n".join(book.failures))
    return book.rules


def read_rulebook(
    paths: Iterable[Path | str], channels: Mapping[str, Channel], calendars: Mapping[str, Calendar] | None = None
) -> Rulebook:
    """Like `load_rules`, but tells what is wrong and what is left out instead of raising."""
    read: list[ReadRule] = []
    failures: list[str] = []
    calendars = load_calendars() if calendars is None else calendars
    for file in find_rule_files(paths):
        try:
            read.append(read_rule(file, channels, calendars))
        except RulebookError as error:
            failures.append(str(error))
    failures += [f"{remark.sentence} ({at})" for each in read for remark, at in _errors(each)]
    failures += same_ids(read)
    rules = sorted((each.rule for each in read), key=lambda rule: rule.id)
    running = [rule for rule in rules if rule.spec.status in RUNNING]
    for number, rule in enumerate(running):
        rule.number = number
    return Rulebook(running, [rule for rule in rules if rule.spec.status not in RUNNING], failures)


def find_rule_files(paths: Iterable[Path | str]) -> list[Path]:
    """The rule files that some files and folders name, each once. Raises where a path holds none."""
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not files:
            raise RulebookError(f"a folder of rules must hold `*.yaml` files; got none in `{path}`")
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read_rule(path: Path, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar] | None = None) -> ReadRule:
    """One rule from its file, compiled. Raises `RulebookError` with a sentence that ends in `file:line`."""
    try:
        document = load(path)
    except YamlError as error:
        raise RulebookError(str(error)) from None
    except UnicodeDecodeError:
        raise RulebookError(f"a rule file must be UTF-8; got other bytes ({path}:1)") from None
    except OSError as error:
        raise RulebookError(f"a rule file must be readable; got {error.strerror} ({path})") from None
    try:
        return ReadRule(
            compile_rule(document.data, channels, 0, load_calendars() if calendars is None else calendars), document
        )
    except RuleError as error:
        raise RulebookError(f"{error.sentence} ({document.at(error.path)})") from None


def same_ids(rules: Iterable[ReadRule]) -> list[str]:
    """A sentence for each rule id that stands in more than one file."""
    sentences = []
    first: dict[str, ReadRule] = {}
    for each in rules:
        known = first.setdefault(each.rule.id, each)
        if known is not each:
            places = f"{each.document.at(('id',))}, first in {known.document.at(('id',))}"
            sentences.append(f"a rule id must stand in one file; got `{each.rule.id}` again ({places})")
    return sentences


def _errors(each: ReadRule) -> list[tuple[Lint, str]]:
    return [(remark, at) for remark, at in each.lint() if remark.severity == "error"]
