"""Do the tests of a rule hold its edges? Each mutant of it must make one of them fail, or be waived with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from alerts.authoring.mutants import Data, Mutant, mutants
from alerts.authoring.rule_case import Case
from alerts.authoring.rule_test import run_case
from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.rule import Rule, compile_rule
from alerts.rule_file import RuleError, Waiver
from alerts.select import nearest


class RuleUnderTest(NamedTuple):
    """One rule with its parsed file and its tests."""

    data: Data
    rule: Rule
    cases: list[Case]


class Tried(NamedTuple):
    """One mutant of one of some rules: the test that killed it, or the waiver of a survivor, or neither."""

    member: int
    mutant: Mutant
    killer: Case | None = None
    waiver: Waiver | None = None

    @property
    def survived(self) -> bool:
        """Did it outlive every test, with nobody saying why it may?"""
        return self.killer is None and self.waiver is None


class Stale(NamedTuple):
    """A waiver that waives nothing: the rule that has it, its place among the waivers there, and what is wrong."""

    member: int
    number: int
    sentence: str


def try_mutants(
    same: Sequence[RuleUnderTest], channels: Mapping[str, Channel], calendars: Mapping[str, Calendar] | None = None
) -> Iterator[Tried]:
    """Try every mutant of some rules that mean the same, with the tests and the waivers of all of them.

    A mutant that does not compile is none, and one that means what the rule means, or what another one means, is
    not tried again.
    """
    waivers = {waiver.mutant: waiver for each in same for waiver in each.rule.spec.waivers}
    tried = {each.rule.semantic_hash for each in same}
    for member, each in enumerate(same):
        cases = _passing(each.rule, [case for one in same for case in one.cases], channels)
        for mutant in mutants(each.data):
            rule = _compiled(mutant, channels, calendars)
            if rule is None or rule.semantic_hash in tried:
                continue
            tried.add(rule.semantic_hash)
            killer = _killer(rule, cases, channels)
            yield Tried(member, mutant, killer, None if killer else waivers.get(mutant.name))


def stale_waivers(same: Sequence[RuleUnderTest], tried: Sequence[Tried]) -> Iterator[Stale]:
    """The waivers whose mutant is killed, or is none."""
    killed = {each.mutant.name for each in tried if each.killer is not None}
    waived = {each.mutant.name for each in tried if each.waiver is not None}
    for member, each in enumerate(same):
        for index, waiver in enumerate(each.rule.spec.waivers):
            if waiver.mutant in waived:
                continue
            why = "which a test kills; take it out"
            if waiver.mutant not in killed:
                why = f"which there is not{nearest(waiver.mutant, sorted(one.mutant.name for one in tried))}"
            yield Stale(member, index, f"a waiver must name a mutant that survives; got `{waiver.mutant}`, {why}")


def _passing(rule: Rule, cases: list[Case], channels: Mapping[str, Channel]) -> list[Case]:
    """The tests that the rule itself passes: only they can say anything about a mutant of it."""
    return [case for case in cases if not run_case(rule, case, channels)]


def _compiled(mutant: Mutant, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar] | None) -> Rule | None:
    try:
        return compile_rule(mutant.data, channels, 0, calendars)
    except RuleError:
        return None


def _killer(rule: Rule, cases: list[Case], channels: Mapping[str, Channel]) -> Case | None:
    """The first test that fails. It goes to the front: who killed one mutant often kills the next."""
    for index, case in enumerate(cases):
        if run_case(rule, case, channels):
            cases.insert(0, cases.pop(index))
            return case
    return None
