"""What both Bytewax programs of job R share: reading an event, and O3 with a stock tumbling window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as windowing
import orjson
from bytewax.operators import KeyedStream, Stream

from benchmarks.reference.definition import HOUR, LATENESS

ALIGNED_AT = datetime(2026, 2, 28, 16, tzinfo=UTC)
FIRST_HOUR = int(ALIGNED_AT.timestamp()) // HOUR

Event = dict[str, Any]
Cell = tuple[int, set[str], int]  # events, callers, severity

# the default asks to be woken by the wall clock for every open window, which a replay of the past floods
CLOCK = windowing.EventClock(
    ts_getter=lambda event: event["at"],
    wait_for_system_duration=timedelta(seconds=LATENESS),
    to_system_utc=lambda at: None,
)


def parsed(lines: Stream[Any]) -> Stream[Event]:
    """Lines as dictionaries, with `at` in UTC."""

    def parse(line: bytes) -> Event:
        event: Event = orjson.loads(line)
        event["at"] = datetime.fromisoformat(event["occurred_at"]).astimezone(UTC)
        return event

    return op.map("parse", lines, parse)


def aggregates(events: Stream[Event], *, ordered: bool) -> KeyedStream[str]:
    """O3 as rows."""
    by_cell = op.key_on(
        "by-cell", events, lambda event: f"{event['region_code']},{event['channel']},{event['category']}"
    )
    hours = windowing.TumblingWindower(length=timedelta(hours=1), align_to=ALIGNED_AT)
    counted = windowing.fold_window(
        "count", by_cell, CLOCK, hours, lambda: (0, set(), 0), _add, _merge, ordered=ordered
    )
    return op.map("aggregate", counted.down, _row)


def _add(cell: Cell, event: Event) -> Cell:
    events, callers, severity = cell
    callers.add(event["caller"])
    return events + 1, callers, max(severity, event["severity"])


def _merge(one: Cell, other: Cell) -> Cell:
    return one[0] + other[0], one[1] | other[1], max(one[2], other[2])


def _row(keyed: tuple[str, tuple[int, Cell]]) -> tuple[str, str]:
    key, (window, (events, callers, severity)) = keyed
    return key, f"{key},{window + FIRST_HOUR},{events},{len(callers)},{severity}"
