"""The tests inside a rule file: events in, all published revisions out, on the real stages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import msgspec

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.duration import parse_duration
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import Arrival, Event, Revision, Slice, from_us, to_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule
from alerts.rule_file import RuleError
from alerts.select import nearest

LOCAL = timezone(timedelta(hours=LOCAL_OFFSET_HOURS))
DEFAULT_CLOCK = "2026-03-02T00:00:00"
_OFFSET = re.compile(r"\+(\d+)d (\d{1,2}):(\d{2})(?::(\d{2}))?")
_TEST_KEYS = ("name", "clock", "events", "generate", "expect", "advance_to", "calendar", "baseline")
_RENAMED = {"rev": "revision", "at": "published_at"}
_WRONG = (ValueError, KeyError, TypeError, msgspec.ValidationError)


class Outcome(NamedTuple):
    """How one test ended: `problems` is empty where it passed."""

    rule: str
    name: str
    problems: list[str]


def run_tests(rule: Rule, channels: Mapping[str, Channel]) -> list[Outcome]:
    """Every test of a rule. Raises `RuleError` if a test itself is wrong."""
    return [
        Outcome(rule.id, str(test.get("name", index + 1)), _problems(rule, channels, test, index))
        for index, test in enumerate(rule.spec.tests)
    ]


def _problems(rule: Rule, channels: Mapping[str, Channel], test: Mapping[str, Any], index: int) -> list[str]:
    for key in test:
        if key not in _TEST_KEYS:
            raise RuleError(
                f"a key of a test must be known; got `{key}`{nearest(key, _TEST_KEYS)}", ("tests", index, key)
            )
    if "expect" not in test:
        raise RuleError("a test must say what to `expect`; got nothing; `[]` means silence", ("tests", index))
    if not isinstance(test["expect"], list):
        raise RuleError(f"`expect` must be a list; got `{test['expect']}`", ("tests", index, "expect"))
    try:
        clock = datetime.fromisoformat(test.get("clock", DEFAULT_CLOCK)).replace(tzinfo=LOCAL)
        end = _instant(test["advance_to"], clock) if "advance_to" in test else None
    except (ValueError, TypeError) as error:
        raise RuleError(f"the times of a test must be right; {error}", ("tests", index)) from None
    arrivals = sorted(_arrivals(test, channels, clock, index), key=lambda arrival: arrival.arrived_us)
    got = [draft.revision for draft in drive(rule, channels, arrivals, end)]
    try:
        return list(_compare(got, test["expect"], clock))
    except RuleError as error:
        raise RuleError(error.sentence, ("tests", index, "expect")) from None


def drive(rule: Rule, channels: Mapping[str, Channel], arrivals: list[Arrival], end: int | None) -> list[Draft]:
    """The revisions of one rule over some arrivals in order; the clock is then moved to `end`, inclusive."""
    pipeline = Pipeline([rule], channels)
    drafts: list[Draft] = []
    for arrival in arrivals:
        drafts += pipeline.take(Slice(arrival.arrived_us, [arrival]))[1]
    if end is not None:
        drafts += pipeline.take(Slice(end + 1, []))[1]
    return drafts


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
        return _offset(local, clock) if str(wanted).startswith("+") else local.replace(tzinfo=None).isoformat()
    return value


def _offset(at: datetime, clock: datetime) -> str:
    passed = at - clock
    hours, rest = divmod(passed.seconds, 3600)
    seconds = f":{rest % 60:02}" if rest % 60 else ""
    return f"+{passed.days}d {hours:02}:{rest // 60:02}{seconds}"


def _short(revision: Revision, clock: datetime) -> str:
    at = _offset(revision.published_at.astimezone(clock.tzinfo), clock)
    return f"rev {revision.revision} {revision.state} {revision.level} {revision.reason} at {at}"
