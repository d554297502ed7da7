"""What the `anlan rules` commands share: the PATH argument, the files it names, and how counts and marks look."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import click

from alerts.channel import Channel
from connectors.calendars import load_calendars
from connectors.rulebook import RULES_FOLDER, ReadRule, RulebookError, find_rule_files, read_rule, same_ids

FEW = 20

paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path))

Each = TypeVar("Each")


class ReadPaths(NamedTuple):
    """What some paths hold: how many files, the rules in them, and a sentence for each that cannot be read."""

    files: int
    rules: list[ReadRule]
    failures: list[str]


def read_paths(paths: Sequence[Path], channels: Mapping[str, Channel]) -> ReadPaths:
    """Read the rules of some paths; without one the rule book that comes with Anlan.

    Within one path an id must stand once. Several paths may hold the same rule: a rule book and a copy of it.
    """
    calendars = load_calendars()
    rules: dict[Path, ReadRule] = {}
    unreadable: dict[Path, str] = {}
    again: list[str] = []
    for path in paths or [RULES_FOLDER]:
        files = [(file, file.resolve()) for file in _files(path)]
        for file, place in files:
            if place not in rules and place not in unreadable:
                try:
                    rules[place] = read_rule(file, channels, calendars)
                except RulebookError as error:
                    unreadable[place] = str(error)
        again += same_ids(rules[place] for _, place in files if place in rules)
    failures = [*unreadable.values(), *dict.fromkeys(again)]
    return ReadPaths(len(rules) + len(unreadable), list(rules.values()), failures)


def with_progress(items: Sequence[Each], label: str, few: int = FEW) -> Iterator[Each]:
    """The items one by one, with a bar on a terminal where there are many."""
    if len(items) <= few or not sys.stderr.isatty():
        yield from items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        yield from bar


def mark(good: bool) -> str:
    """A tick or a cross."""
    return click.style("✓", fg="green") if good else click.style("✗", fg="red")


def many(number: int, noun: str) -> str:
    """A count with its noun: `1 file`, `1,240 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _files(path: Path) -> list[Path]:
    try:
        return find_rule_files([path])
    except RulebookError as error:
        raise click.UsageError(str(error)) from None
