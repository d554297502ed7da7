"""The rule book as a value: which rules run, in which generation, and what one book becomes when another is wanted.

A book is written into the intake log, so the same log runs under the same rules, whenever it is read (semantics 10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.rule import Rule
from alerts.rule_diff import ChangeClass, compare
from alerts.rule_file import RuleFile

RUNNING = ("live", "shadow")


class RuleBook(Struct, frozen=True):
    """The rules that run, by id, and the generation of every rule that ever ran."""

    rules: tuple[RuleFile, ...]
    generations: dict[str, int] = {}

    @staticmethod
    def of(rules: Iterable[Rule]) -> RuleBook:
        """The book of some compiled rules."""
        return RuleBook(tuple(without_tests(rule.spec) for rule in rules), {rule.id: rule.generation for rule in rules})

    def compiled(self, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar]) -> list[Rule]:
        """The rules, ready to run and numbered in the order of their ids. Raises `RuleError`."""
        rules = [Rule(spec, channels, number, calendars) for number, spec in enumerate(self.rules)]
        for rule in rules:
            rule.generation = self.generations.get(rule.id, 1)
        return rules


class Turn(Struct, frozen=True):
    """One book becomes another at one place of the log: `changes` by rule id, and a sentence for each refusal."""

    at: int  # clock instant
    number: int  # of the record
    book: RuleBook
    changes: dict[str, ChangeClass]
    refused: tuple[str, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Nothing changes."""
        return all(change == "same" for change in self.changes.values())


def turn(old: RuleBook, wanted: Sequence[RuleFile], at: int, number: int) -> Turn:
    """What the book becomes. A rule that must not change so stays as it was."""
    before = {spec.id: spec for spec in old.rules}
    after = {spec.id: without_tests(spec) for spec in wanted if spec.status in RUNNING}
    changes: dict[str, ChangeClass] = {}
    generations = dict(old.generations)
    refused = []
    for change in compare(before, after):
        if change.refusal is not None:
            after[change.rule] = before[change.rule]
            refused.append(change.refusal)
            continue
        changes[change.rule] = of = _class_for_state(change.of, before.get(change.rule), after.get(change.rule))
        if of in ("structure", "status") or (of == "new" and change.rule in generations):
            generations[change.rule] += 1
        elif of == "new":
            generations[change.rule] = 1
    rules = tuple(after[name] for name in sorted(after))
    return Turn(at, number, RuleBook(rules, generations), changes, tuple(refused))


def without_tests(spec: RuleFile) -> RuleFile:
    """A rule as it runs: its tests stay in the file."""
    return msgspec.structs.replace(spec, tests=[], waivers=[])


def _class_for_state(of: ChangeClass, old: RuleFile | None, new: RuleFile | None) -> ChangeClass:
    """A deadline at another time, or another way to close, is more than another level: what was asserted is void.

    Whoever is told anew is told of a new generation, whatever else is judged again.
    """
    if of == "ladder" and old is not None and new is not None and old.kind in ("obligation", "surge", "silence"):
        kept = (
            [stage.at for stage in old.stages] == [stage.at for stage in new.stages]
            and len(old.levels) == len(new.levels)
            and old.lifecycle == new.lifecycle
        )
        of = of if kept else "structure"
    if of == "ladder" and old is not None and new is not None and old.status != new.status:
        return "status"
    return of
