"""The tests inside a rule file: events in, all published revisions out, on the real stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from alerts.alert import Draft
from alerts.authoring.rule_case import Case, offset_of, read_cases
from alerts.calendar import Calendar, calendar_of
from alerts.channel import Channel
from alerts.model import Arrival, Revision, Slice
from alerts.pipeline import Pipeline
from alerts.rule import Rule
from alerts.rule_file import RuleError, RuleFile
from alerts.select import nearest

_RENAMED = {"rev": "revision", "at": "published_at"}


@runtime_checkable
class _TakesBaseline(Protocol):
    """A kind that compares with what is usual."""

    def with_baseline(self, stated: Mapping[str, Any]) -> Any:
        """The same, with what a test states as usual."""


class Outcome(NamedTuple):
    """How one test ended: `problems` is empty where it passed."""

    rule: str
    name: str
    problems: list[str]


def run_tests(rule: Rule, channels: Mapping[str, Channel]) -> list[Outcome]:
    """Every test of a rule. Raises `RuleError` if a test itself is wrong."""
    return [Outcome(rule.id, case.name, run_case(rule, case, channels)) for case in read_cases(rule.spec, channels)]


def rule_for(case: Case, rule: Rule, channels: Mapping[str, Channel]) -> Rule:
    """The rule as a test wants it: with the calendar or the baseline of the test instead of the real ones."""
    try:
        if case.calendar is not None:
            rule = Rule(rule.spec, channels, rule.number, _calendars(case.calendar, rule.spec))
        return rule if case.baseline is None else _with_baseline(rule, case.baseline)
    except RuleError as error:
        raise RuleError(error.sentence, ("tests", case.number, *error.path)) from None


def run_case(rule: Rule, case: Case, channels: Mapping[str, Channel]) -> list[str]:
    """What is wrong after one test; nothing where it passed."""
    return problems_of(case, drive(rule_for(case, rule, channels), channels, case.arrivals, case.end))


def problems_of(case: Case, drafts: Iterable[Draft]) -> list[str]:
    """How what was published differs from what a test expects."""
    try:
        return list(_compare([draft.revision for draft in drafts], case.expect, case.clock))
    except RuleError as error:
        raise RuleError(error.sentence, ("tests", case.number, "expect")) from None


def drive(
    rule: Rule, channels: Mapping[str, Channel], arrivals: Iterable[Arrival], end: int | None, restart: bool = False
) -> list[Draft]:
    """The revisions of one rule over some arrivals in order; the clock is then moved to `end`, inclusive.

    With `restart` everything that is kept is saved and taken back by new stages after each arrival.
    """
    pipeline = Pipeline([rule], channels)
    drafts: list[Draft] = []
    for arrival in arrivals:
        drafts += pipeline.take(Slice(arrival.arrived_us, [arrival]))[1]
        if restart:
            kept, failures = pipeline.snapshot(), pipeline.failures
            pipeline = Pipeline([rule], channels)
            pipeline.failures = failures
            pipeline.restore(kept)
    if end is not None:
        drafts += pipeline.take(Slice(end + 1, []))[1]
    if pipeline.failures:
        failure = pipeline.failures[0]
        raise RuleError(f"a rule must judge every event; got {failure.error} ({failure.place})")
    return drafts


def _calendars(days: Mapping[str, Any], spec: RuleFile) -> dict[str, Calendar]:
    """The calendar of a test under every name that the rule may use."""
    try:
        calendar = calendar_of(days)
    except (ValueError, TypeError, AttributeError) as error:
        raise RuleError(f"the `calendar` of a test must be right; {error}", ("calendar",)) from None
    users = (spec.obligation, spec.baseline, spec.silence)
    return {user.calendar: calendar for user in users if user is not None and user.calendar is not None}


def _with_baseline(rule: Rule, stated: Mapping[str, Any]) -> Rule:
    """The same rule, for which this is what is usual."""
    if not isinstance(rule.plan, _TakesBaseline):
        raise RuleError(f"`baseline` must stand in tests of a surge rule; got kind `{rule.spec.kind}`", ("baseline",))
    twin = copy(rule)
    twin.plan = rule.plan.with_baseline(stated)
    return twin


def _compare(got: list[Revision], expect: list[Mapping[str, Any]], clock: datetime) -> Iterator[str]:
    if len(got) != len(expect):
        yield f"must publish {len(expect)} revisions; got {len(got)}: {[_short(each, clock) for each in got]}"
    for number, (revision, wanted) in enumerate(zip(got, expect, strict=False)):
        for name, value in wanted.items():
            found = _shown(revision, name, value, clock)
            if found != value:
                yield f"revision {number + 1}: `{name}` must be `{value}`; got `{found}`"


def _shown(revision: Revision, name: str, wanted: Any, clock: datetime) -> Any:
    """A field of a revision in the form in which a test writes it."""
    field = _RENAMED.get(name, name)
    if field not in Revision.__struct_fields__:
        hint = nearest(name, Revision.__struct_fields__)
        raise RuleError(f"`expect` must name fields of a revision; got `{name}`{hint}")
    value = getattr(revision, field)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime):
        local = value.astimezone(clock.tzinfo)
        return offset_of(value, clock) if str(wanted).startswith("+") else local.replace(tzinfo=None).isoformat()
    return value


def _short(revision: Revision, clock: datetime) -> str:
    at = offset_of(revision.published_at, clock)
    return f"rev {revision.revision} {revision.state} {revision.level} {revision.reason} at {at}"
