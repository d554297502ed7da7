"""The commands for people who write rules: `anlan rules test` and `anlan rules lint`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from alerts.channel import Channel
from alerts.rule_file import RuleError
from alerts.rule_test import Outcome, run_tests
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, ReadRule, RulebookError, find_rule_files, read_rule, same_ids

MANY_FILES = 20

_PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path))


@click.group()
def rules() -> None:
    """Write rules: try their tests, check what is wrong with them.

    A rule is one YAML file with its tests in it. PATH is such a file, or a folder that is searched for them;
    without a PATH it is the rule book that comes with Anlan.
    """


@rules.command()
@_PATHS
def test(paths: tuple[Path, ...]) -> None:
    """Run the tests that stand in rule files.

    Each test delivers its events to the real rule and compares everything that is published with what the
    test expects. A file that cannot be read counts as failed, and the others are tried all the same.

    \b
    Example:
      $ anlan rules test my-rules/repeat.yaml
      ✓ my.repeat: the third call opens
      ✗ my.repeat: a call seven days old is out
          must publish 0 revisions; got 1: ['rev 1 open blue opened at +7d 09:00']
      1 of 2 tests failed in 1 file

    Exits with 0 if everything passed, 1 if anything failed, 2 if the command was not understood.
    """
    channels = load_channels()
    files = _files(paths)
    read, failures = _read(files, channels)
    outcomes: list[Outcome] = []
    for each in _with_progress(read):
        try:
            outcomes += run_tests(each.rule, channels)
        except RuleError as error:
            failures.append(f"{error.sentence} ({each.document.at(error.path)})")
    for outcome in outcomes:
        _show(outcome)
    for sentence in failures:
        click.echo(f"{_mark(False)} {sentence}")
    failed = sum(1 for outcome in outcomes if outcome.problems)
    click.echo(_summary(len(outcomes), failed, len(files), len(failures)))
    sys.exit(1 if failed or failures else 0)


@rules.command()
@_PATHS
def lint(paths: tuple[Path, ...]) -> None:
    """Say what is wrong with rule files, without running them.

    An error keeps a rule from being loaded: it cannot be understood, or it goes against people's privacy,
    such as a service-quality rule that adds up what one person says about different matters. A warning is
    advice.

    \b
    Example:
      $ anlan rules lint my-rules/
      error   rule `my.callers` must have `matter` or `case` in its `key`, ... (my-rules/callers.yaml:9)
      warning rule `my.repeat` must have a test that stays quiet; got 1 and all fire (my-rules/repeat.yaml:20)
      2 files: 1 error, 1 warning

    Exits with 0 if there is no error, 1 if there is one, 2 if the command was not understood.
    """
    files = _files(paths)
    read, errors = _read(files, load_channels())
    warnings: list[str] = []
    for each in read:
        for remark, at in each.lint():
            (errors if remark.severity == "error" else warnings).append(f"{remark.sentence} ({at})")
    for sentence in errors:
        click.echo(f"{click.style('error  ', fg='red')} {sentence}")
    for sentence in warnings:
        click.echo(f"{click.style('warning', fg='yellow')} {sentence}")
    counts = f"{_many(len(errors), 'error')}, {_many(len(warnings), 'warning')}"
    click.echo(f"{_many(len(files), 'file')}: {counts}")
    sys.exit(1 if errors else 0)


def _files(paths: Sequence[Path]) -> list[Path]:
    try:
        return find_rule_files(paths or [RULES_FOLDER])
    except RulebookError as error:
        raise click.UsageError(str(error)) from None


def _read(files: Sequence[Path], channels: Mapping[str, Channel]) -> tuple[list[ReadRule], list[str]]:
    read, failures = [], []
    for file in files:
        try:
            read.append(read_rule(file, channels))
        except RulebookError as error:
            failures.append(str(error))
    return read, failures + same_ids(read)


def _with_progress(read: Sequence[ReadRule]) -> Iterator[ReadRule]:
    """The rules one by one, with a bar on a terminal where there are many."""
    if len(read) <= MANY_FILES or not sys.stderr.isatty():
        yield from read
        return
    with click.progressbar(read, label="rules", file=sys.stderr) as bar:
        yield from bar


def _show(outcome: Outcome) -> None:
    click.echo(f"{_mark(not outcome.problems)} {outcome.rule}: {outcome.name}")
    for problem in outcome.problems:
        click.echo(f"    {problem}")


def _mark(good: bool) -> str:
    return click.style("✓", fg="green") if good else click.style("✗", fg="red")


def _summary(number: int, failed: int, files: int, unread: int) -> str:
    tests = _many(number, "test")
    done = f"{failed} of {tests} failed" if failed else f"{tests} passed"
    said = f"{done} in {_many(files, 'file')}"
    return f"{said}; {unread} could not be tried" if unread else said


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
