"""`anlan rules test`: the tests in rule files, under trial where asked for, and whether they hold every edge."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from alerts.authoring.mutation import RuleUnderTest, Stale, Tried, stale_waivers, try_mutants
from alerts.authoring.rule_case import read_cases
from alerts.authoring.rule_test import Outcome, run_case
from alerts.authoring.rule_trial import Plan, Trial, Variant, try_case
from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.rule_file import RuleError
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import ReadRule
from dataflows.rule_paths import FEW, many, mark, paths_argument, read_paths, with_progress

_WORDS: dict[Variant, str] = {"shuffle": "shuffled", "dup": "doubled", "restart": "restarted"}


class _Run(NamedTuple):
    """What came of the tests of some rules."""

    tested: list[tuple[ReadRule, RuleUnderTest]]
    outcomes: list[Outcome]
    trials: list[Trial]
    failures: list[str]


@click.command()
@paths_argument
@click.option("--shuffle", is_flag=True, help="Also in other orders of arrival, inside what the rule waits for.")
@click.option("--dup", is_flag=True, help="Also with every event delivered twice.")
@click.option("--restart", is_flag=True, help="Also saved and started again after every event.")
@click.option("--mutate", is_flag=True, help="Also change the rules in small ways: some test must notice.")
@click.option("--runs", default=20, show_default=True, type=click.IntRange(1), help="Orders tried by --shuffle.")
@click.option("--seed", default=0, show_default=True, help="What the orders of --shuffle are drawn from.")
@click.option("-v", "--verbose", is_flag=True, help="Also name the test that noticed each change of --mutate.")
def test(
    paths: tuple[Path, ...], shuffle: bool, dup: bool, restart: bool, mutate: bool, runs: int, seed: int, verbose: bool
) -> None:
    """Run the tests that stand in rule files.

    Each test delivers its events to the real rule and compares everything that is published with what the
    test expects. A file that cannot be read counts as failed, and the others are tried all the same.

    With --dup and --restart exactly the same must be published, with --shuffle the same alerts must stand in the
    end. With --mutate each number of a rule is moved by one and each condition left out: where no test fails,
    the change has survived and the edge is not tested. `waivers` in the file name survivors that mean no harm.

    \b
    Example:
      $ anlan rules test --shuffle --mutate my-rules/repeat.yaml
      ✓ my.repeat: the third call opens
      ✓ my.repeat: a call seven days old is out
      2 tests passed in 1 file (with 40 shuffled runs)
      survivor my.repeat: levels.1.gte 6 -> 7 (my-rules/repeat.yaml:21)
      mutants: 14 killed, 0 waived, 1 survived

    Exits with 0 if everything passed, 1 if a test failed or a live rule has survivors, 2 if the command was not
    understood.
    """
    channels = load_channels()
    read = read_paths(paths, channels)
    chosen: dict[Variant, bool] = {"shuffle": shuffle, "dup": dup, "restart": restart}
    plan = Plan(frozenset(variant for variant, is_chosen in chosen.items() if is_chosen), runs, seed)
    run = _run(read.rules, plan, channels)
    good = _report(run, read.files, read.failures + run.failures)
    if mutate:
        good &= _mutate(run.tested, channels, load_calendars(), verbose)
    sys.exit(0 if good else 1)


def _run(rules: Sequence[ReadRule], plan: Plan, channels: Mapping[str, Channel]) -> _Run:
    run = _Run([], [], [], [])
    for each in with_progress(rules, "rules", few=0 if plan.variants else FEW):
        try:
            cases = read_cases(each.rule.spec, channels)
            for case in cases:
                outcome = Outcome(case.rule, case.name, run_case(each.rule, case, channels))
                run.outcomes.append(outcome)
                if not outcome.problems:  # a test that fails as it stands says nothing under trial
                    run.trials.append(try_case(each.rule, case, channels, plan))
            run.tested.append((each, RuleUnderTest(each.document.data, each.rule, cases)))
        except RuleError as error:
            run.failures.append(f"{error.sentence} ({each.document.at(error.path)})")
    return run


def _report(run: _Run, files: int, failures: Sequence[str]) -> bool:
    for outcome in run.outcomes:
        _show(outcome.rule, outcome.name, outcome.problems)
    unsteady = [trial for trial in run.trials if trial.problems]
    for trial in unsteady:
        _show(trial.rule, trial.name, trial.problems)
    for sentence in failures:
        click.echo(f"{mark(False)} {sentence}")
    failed = sum(1 for outcome in run.outcomes if outcome.problems) + len(unsteady)
    click.echo(_summary(run, failed, files, len(failures)))
    return not failed and not failures


def _show(rule: str, name: str, problems: Sequence[str]) -> None:
    click.echo(f"{mark(not problems)} {rule}: {name}")
    for problem in problems:
        click.echo(f"    {problem}")


def _summary(run: _Run, failed: int, files: int, unread: int) -> str:
    tests = many(len(run.outcomes), "test")
    done = f"{failed} of {tests} failed" if failed else f"{tests} passed"
    runs = Counter[Variant]()
    for trial in run.trials:
        runs.update(trial.runs)
    tried = ", ".join(f"{runs[variant]:,} {word}" for variant, word in _WORDS.items() if runs[variant])
    said = f"{done} in {many(files, 'file')}" + (f" (with {tried} runs)" if tried else "")
    return f"{said}; {unread} could not be tried" if unread else said


def _mutate(
    tested: Sequence[tuple[ReadRule, RuleUnderTest]],
    channels: Mapping[str, Channel],
    calendars: Mapping[str, Calendar],
    verbose: bool,
) -> bool:
    """Try the mutants of every rule and say which survive; False where a live rule has one or a stale waiver."""
    groups: dict[str, list[tuple[ReadRule, RuleUnderTest]]] = {}
    for each in tested:
        groups.setdefault(each[1].rule.semantic_hash, []).append(each)
    count, lines = Counter[str](), list[str]()
    good = True
    for group in with_progress(list(groups.values()), "mutants", few=0):
        same = [one for _, one in group]
        tried = list(try_mutants(same, channels, calendars))
        stale = list(stale_waivers(same, tried))
        survivors = [each for each in tried if each.survived]
        lines += _lines([read for read, _ in group], tried, stale, verbose)
        count.update(killed=sum(1 for each in tried if each.killer), survived=len(survivors))
        count.update(waived=sum(1 for each in tried if each.waiver))
        if any(read.rule.spec.status == "live" for read, _ in group):
            good &= not survivors and not stale
    for line in lines:
        click.echo(line)
    click.echo(f"mutants: {count['killed']:,} killed, {count['waived']:,} waived, {count['survived']:,} survived")
    return good


def _lines(group: Sequence[ReadRule], tried: Sequence[Tried], stale: Sequence[Stale], verbose: bool) -> Iterator[str]:
    for each in tried:
        read = group[each.member]
        if each.killer is not None and verbose:
            yield f"killed {read.rule.id}: {each.mutant.name} by `{each.killer.name}`"
        elif each.survived:
            word = click.style("survivor", fg="yellow")
            yield f"{word} {read.rule.id}: {each.mutant.name} ({read.document.at(each.mutant.path)})"
    for one in stale:
        read = group[one.member]
        yield f"{mark(False)} {read.rule.id}: {one.sentence} ({read.document.at(('waivers', one.number))})"
