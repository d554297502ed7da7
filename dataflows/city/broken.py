"""Rows that cannot become events: one of each sort now and then, with somebody's data in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from dataflows.city.departments import DEPARTMENTS
from dataflows.city.exports import write
from dataflows.city.kinds import KINDS
from dataflows.city.people import Person
from dataflows.city.places import Village
from dataflows.city.report import RawRow, Report
from dataflows.city.when import DAY, HOUR, MINUTE

HUGE = 1_200_000  # bytes in GBK; longer than any row may be, so it comes in a file
EVERY_HOURS = 4  # one broken row that often, the sorts in turn
FIRST_PERSON = 800_000_000

Spoil = Callable[[dict[str, Any]], dict[str, Any] | bytes]


def _json(row: dict[str, Any]) -> bytes:
    return msgspec.json.encode(row)


def _without(column: str) -> Spoil:
    return lambda row: {name: value for name, value in row.items() if name != column}


def _with(column: str, value: Any) -> Spoil:
    return lambda row: row | {column: value}


def _bad_gbk(row: dict[str, Any]) -> bytes:
    return ",".join(str(value) for value in row.values()).encode("gbk")[:60] + b"\xff\xff\x80,"


# Reason that the dead letter must give, the channel it comes through, and what is done to a good row.
SORTS: tuple[tuple[str, str, Spoil], ...] = (
    ("bad_json", "police", lambda row: _json(row)[:-40]),
    ("bad_time", "hotline", _with("time", "2026-13-45T99:00:00+08:00")),
    ("unknown_channel", "helpdesk", _with("door", "weibo")),
    ("too_large", "petition", lambda row: row | {"概况": row["概况"] + "满" * (HUGE // 2)}),
    ("bad_encoding", "hotline", lambda row: msgspec.json.encode(row).decode().encode("gbk")),
    ("bad_encoding", "petition", _bad_gbk),
    ("missing_column", "petition", _without("登记时间")),
    ("missing_field", "grid", _without("ts")),
    ("unknown_code", "police", _with("BJLXDM", "123456")),
    ("bad_value", "grid", _with("violenceLevel", 9)),
    ("bad_time", "superior", _with("时间", "昨天下午")),
)


def broken_rows(seed: int, hour_us: int, villages: Sequence[Village]) -> Iterator[RawRow]:
    """The broken rows that arrive in the hour from `hour_us`; none in most hours."""
    turn, rest = divmod(hour_us // HOUR, EVERY_HOURS)
    if rest:
        return
    _, channel, spoil = SORTS[turn % len(SORTS)]
    random = Random(f"{seed}/broken/{turn}")
    arrives = hour_us + random.randrange(60) * MINUTE
    department = DEPARTMENTS[channel]
    row = spoil(write(_report(channel, arrives - HOUR, turn, random.choice(villages))))
    yield RawRow(arrives, channel, department.way, department.mapping, row)


def _report(channel: str, at_us: int, turn: int, village: Village) -> Report:
    person = Person(FIRST_PERSON + turn, village)
    return Report(
        channel=channel,
        case=f"{DEPARTMENTS[channel].prefix}BROKEN{turn:09d}",
        occurred_us=at_us,
        kind=KINDS["service/water"],
        village=village,
        text=f"停水,我叫{person.name},电话{person.phone},身份证{person.id_number}",
        person=person,
    )


def broken_counts(start_us: int, days: int) -> dict[str, int]:
    """How many dead letters of each reason a span must give."""
    counts: dict[str, int] = {}
    for hour in range(start_us // HOUR, (start_us + days * DAY) // HOUR):
        turn, rest = divmod(hour, EVERY_HOURS)
        if not rest:
            reason = SORTS[turn % len(SORTS)][0]
            counts[reason] = counts.get(reason, 0) + 1
    return counts
