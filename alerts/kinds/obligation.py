"""Absence: something must follow within a budget of time (semantics 5). The rule, compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.duration import DAY_US, Span, parse_share, parse_span
from alerts.entry import LEVEL_NUMBER, Entry, Key
from alerts.fields import Getter
from alerts.kinds.owed import Obligation
from alerts.kinds.term import BUMPS, OPENS, PAUSES, RESUMES, SATISFIES, Budget, Stage
from alerts.model import Event
from alerts.rule_file import ObligationSettings, RuleError, RuleFile, StageSettings
from alerts.rule_parts import at, duration, field, known, predicate
from alerts.select import Predicate

if TYPE_CHECKING:
    from alerts.rule import Rule

LONGEST_US = 3660 * DAY_US
_WORDS = ((OPENS, "opens"), (SATISFIES, "satisfied_by"), (PAUSES, "pause_on"), (RESUMES, "resume_on"), (BUMPS, "bump"))


class ObligationPlan:
    """What an obligation rule looks at, how much time there is, and who must vouch for absence."""

    is_whole = False  # each key is its own subject

    def __init__(self, spec: RuleFile, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar]) -> None:
        if spec.obligation is None:
            raise RuleError("an obligation rule must have `obligation`; got none", ("kind",))
        owed = spec.obligation
        self.key_names = owed.id
        self.key_fields = _key_fields(owed, channels)
        self.tests = _tests(spec, owed, channels)
        self.budget = _budget(spec, owed, calendars)
        self.bump = _bump(spec)
        self.vouch = _vouch(spec, owed, channels)
        self.max_hold_us = duration(owed.max_hold, "obligation", "max_hold")

    @property
    def memory_us(self) -> int:
        """How far back an opening may matter: three times the last stage, for holidays and pauses, and a month."""
        return 3 * self.budget.stages[-1].amount_us + 30 * DAY_US

    def role_of(self, event: Event, selects: bool = True) -> int:
        """What an event is to the rule, as bits; 0 for nothing. `selects`: the rule's `select` takes it."""
        if not selects:
            return 0
        role = 0
        for bit, test in self.tests:
            if test(event):
                role |= bit
        return role

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The same in words, for the evidence of an alert."""
        return tuple(word for bit, word in _WORDS if entry[4] & bit)

    def start(self, rule: Rule, key: Key) -> Obligation:
        """An empty state for a key."""
        return Obligation(rule, self, key)

    def restored(self, rule: Rule, state: Any, revive: Callable[[Any], Entry]) -> Obligation:
        """The state that was saved."""
        return Obligation.restored(rule, self, state, revive)


def compile_obligation(
    spec: RuleFile, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar]
) -> ObligationPlan:
    """The plan of an obligation rule. Raises `RuleError` with the path of what is wrong."""
    return ObligationPlan(spec, channels, calendars)


def _key_fields(owed: ObligationSettings, channels: Mapping[str, Channel]) -> list[Getter]:
    if not owed.id:
        raise RuleError("`obligation.id` must name at least one field; got none", ("obligation", "id"))
    return [field(name, channels, ("obligation", "id", index)) for index, name in enumerate(owed.id)]


def _tests(
    spec: RuleFile, owed: ObligationSettings, channels: Mapping[str, Channel]
) -> tuple[tuple[int, Predicate], ...]:
    for name in ("opens", "satisfied_by"):
        if not getattr(owed, name):
            raise RuleError(f"`obligation.{name}` must name at least one field; got none", ("obligation", name))
    if bool(owed.pause_on) != bool(owed.resume_on):
        got = "pause_on" if owed.pause_on else "resume_on"
        raise RuleError(f"`pause_on` and `resume_on` must stand together; got only `{got}`", ("obligation", got))
    wanted = [
        (bit, getattr(owed, name), ("obligation", name))
        for bit, name in ((OPENS, "opens"), (SATISFIES, "satisfied_by"), (PAUSES, "pause_on"), (RESUMES, "resume_on"))
    ]
    if spec.bump is not None:
        wanted.append((BUMPS, spec.bump.on, ("bump", "on")))
    return tuple((bit, predicate(test, channels, *path)) for bit, test, path in wanted if test)


def _budget(spec: RuleFile, owed: ObligationSettings, calendars: Mapping[str, Calendar]) -> Budget:
    due: Span = at(("obligation", "due"), parse_span, owed.due)
    if not 0 < due.amount_us <= LONGEST_US:
        raise RuleError(
            f"`due` must be longer than nothing and at most ten years; got `{owed.due}`", ("obligation", "due")
        )
    calendar: Calendar | None = None
    if owed.calendar is not None:
        calendar = known("a calendar must be known", owed.calendar, calendars, "obligation", "calendar")
    if due.working and owed.calendar is None:
        raise RuleError(f"`due` in working days must name a `calendar`; got `{owed.due}`", ("obligation", "due"))
    return Budget(due, _stages(spec.stages, due), calendar)


def _stages(settings: list[StageSettings], due: Span) -> tuple[Stage, ...]:
    if not settings:
        raise RuleError("`stages` must have at least one stage; got none", ("stages",))
    stages = [_stage(each, due, ("stages", index)) for index, each in enumerate(settings)]
    for index, (one, two) in enumerate(pairwise(stages), start=1):
        if two.amount_us <= one.amount_us or two.level < one.level:
            raise RuleError(
                f"`stages` must rise in time, and in level not fall; got `{two.at}` after `{one.at}`", ("stages", index)
            )
    return tuple(stages)


def _stage(settings: StageSettings, due: Span, path: tuple[str | int, ...]) -> Stage:
    share = parse_share(settings.at)
    amount = int(due.amount_us * share) if share is not None else _span(settings.at, due, (*path, "at"))
    if not 0 < amount <= LONGEST_US:
        raise RuleError(f"a stage must lie after the opening, by at most ten years; got `{settings.at}`", (*path, "at"))
    return Stage(settings.at, amount, LEVEL_NUMBER[settings.level], amount >= due.amount_us, settings.name)


def _span(text: str, due: Span, path: tuple[str | int, ...]) -> int:
    try:
        span = parse_span(text)
    except ValueError:
        raise RuleError(f"`at` must be a share such as `80%` or a length such as `4d`; got `{text}`", path) from None
    if span.working != due.working:
        clock = "working days such as `4wd`" if due.working else "calendar time such as `4d`"
        raise RuleError(f"a stage must be counted as `due` is, in {clock}; got `{text}`", path)
    return span.amount_us


def _bump(spec: RuleFile) -> int:
    if spec.bump is None:
        return 0
    if spec.bump.by < 1:
        raise RuleError(f"`bump.by` must be at least 1; got `{spec.bump.by}`", ("bump", "by"))
    if not spec.bump.on:
        raise RuleError("`bump.on` must name at least one field; got none", ("bump", "on"))
    return spec.bump.by


def _vouch(spec: RuleFile, owed: ObligationSettings, channels: Mapping[str, Channel]) -> frozenset[str]:
    for index, name in enumerate(owed.vouch):
        path = ("obligation", "vouch", index)
        known("a channel must be registered", name, channels, *path)
        if name not in spec.channels:
            raise RuleError(f"a channel that vouches must be one of the rule's `channels`; got `{name}`", path)
    return frozenset(owed.vouch or spec.channels)
