"""One test of a rule file, read: which events arrive when, how far the clock goes, and what must be published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import msgspec

from alerts.channel import Channel
from alerts.duration import parse_duration
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import Arrival, Event, from_us, to_us
from alerts.rule_file import RuleError, RuleFile
from alerts.select import nearest

LOCAL = timezone(timedelta(hours=LOCAL_OFFSET_HOURS))
DEFAULT_CLOCK = "2026-03-02T00:00:00"
_OFFSET = re.compile(r"\+(\d+)d (\d{1,2}):(\d{2})(?::(\d{2}))?")
_KEYS = ("name", "clock", "events", "generate", "expect", "advance_to", "calendar", "baseline")
_WRONG = (ValueError, KeyError, TypeError, msgspec.ValidationError)


class Case(NamedTuple):
    """One test of a rule. `arrivals` are in the order of arrival; the clock is moved to `end` after them."""

    rule: str
    name: str
    number: int
    clock: datetime
    arrivals: list[Arrival]
    end: int | None
    expect: list[Mapping[str, Any]]
    calendar: Mapping[str, Any] | None = None
    baseline: Mapping[str, Any] | None = None


def read_cases(spec: RuleFile, channels: Mapping[str, Channel]) -> list[Case]:
    """The tests of a rule. Raises `RuleError` with the path of what is wrong."""
    return [_case(spec.id, test, index, channels) for index, test in enumerate(spec.tests)]


def offset_of(at: datetime, clock: datetime) -> str:
    """A time as a test writes it: `+<days>d HH:MM` after its clock."""
    passed = at.astimezone(clock.tzinfo) - clock
    hours, rest = divmod(passed.seconds, 3600)
    seconds = f":{rest % 60:02}" if rest % 60 else ""
    return f"+{passed.days}d {hours:02}:{rest // 60:02}{seconds}"


def _case(rule: str, test: Mapping[str, Any], index: int, channels: Mapping[str, Channel]) -> Case:
    _check_keys(test, index)
    try:
        clock = datetime.fromisoformat(test.get("clock", DEFAULT_CLOCK)).replace(tzinfo=LOCAL)
        end = _instant(test["advance_to"], clock) if "advance_to" in test else None
    except (ValueError, TypeError) as error:
        raise RuleError(f"the times of a test must be right; {error}", ("tests", index)) from None
    arrivals = sorted(_arrivals(test, channels, clock, index), key=lambda arrival: arrival.arrived_us)
    name = str(test.get("name", index + 1))
    return Case(rule, name, index, clock, arrivals, end, test["expect"], test.get("calendar"), test.get("baseline"))


def _check_keys(test: Mapping[str, Any], index: int) -> None:
    for key in test:
        if key not in _KEYS:
            raise RuleError(f"a key of a test must be known; got `{key}`{nearest(key, _KEYS)}", ("tests", index, key))
    if "expect" not in test:
        raise RuleError("a test must say what to `expect`; got nothing; `[]` means silence", ("tests", index))
    if not isinstance(test["expect"], list):
        raise RuleError(f"`expect` must be a list; got `{test['expect']}`", ("tests", index, "expect"))


def _arrivals(
    test: Mapping[str, Any], channels: Mapping[str, Channel], clock: datetime, index: int
) -> Iterator[Arrival]:
    for number, event in enumerate(test.get("events", ())):
        try:
            yield _arrival(event, channels, clock)
        except _WRONG as error:
            path = ("tests", index, "events", number)
            raise RuleError(f"an event of a test must be right; {_reason(error)}", path) from None
    if "generate" in test:
        try:
            yield from _generated(test["generate"], channels, clock)
        except _WRONG as error:
            where = ("tests", index, "generate")
            raise RuleError(f"`generate` of a test must be right; {_reason(error)}", where) from None


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _generated(generate: Mapping[str, Any], channels: Mapping[str, Channel], clock: datetime) -> Iterator[Arrival]:
    start = _instant(generate["from"], clock)
    every = parse_duration(generate["every"])
    for number in range(generate["n"]):
        at = start + number * every
        fields = {"id": f"generated-{number + 1}", **generate["event"]}
        yield Arrival(_event(fields, channels, at), at)


def _arrival(spec: Mapping[str, Any], channels: Mapping[str, Channel], clock: datetime) -> Arrival:
    fields = dict(spec)
    at = _instant(fields.pop("at"), clock)
    arrive = fields.pop("arrive", None)
    return Arrival(_event(fields, channels, at), at if arrive is None else _instant(arrive, clock))


def _event(fields: Mapping[str, Any], channels: Mapping[str, Channel], at: int) -> Event:
    """An event from test fields, where `link.type` stands for a nested one."""
    nested: dict[str, Any] = {"occurred_at": from_us(at)}
    for name, value in fields.items():
        head, _, tail = name.partition(".")
        if tail:
            nested.setdefault(head, {})[tail] = value
        else:
            nested[name] = value
    for name in nested:
        if name not in Event.__struct_fields__:
            raise ValueError(f"got `{name}`{nearest(name, Event.__struct_fields__)}")
    event = msgspec.convert(nested, Event)
    if event.channel not in channels:
        raise ValueError(f"got channel `{event.channel}`{nearest(event.channel, list(channels))}")
    return event


def _instant(text: str, clock: datetime) -> int:
    match = _OFFSET.fullmatch(str(text))
    if not match:
        raise ValueError(f"a time must be `+<days>d HH:MM`; got `{text}`")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return to_us(clock + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))
