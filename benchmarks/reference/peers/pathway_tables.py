"""Job R in Pathway: tables, the events of a caller sorted and folded by a Python function, native groups for O3.

In its static mode, which reads everything before it answers: its fastest, and exact. It writes changes, rows that it
takes back included; what is left of them is worked out afterwards and not counted.
"""

from __future__ import annotations

import sys

import pathway as pw

from benchmarks.reference.caller import Caller
from benchmarks.reference.definition import CHANNELS, HOUR

CHANNEL_NUMBERS = {name: number for number, name in enumerate(CHANNELS)}
TIME = "%Y-%m-%dT%H:%M:%S%z"


class Event(pw.Schema):
    event_id: str
    channel: str
    occurred_at: str
    region_code: str
    category: str
    caller: str
    severity: int


def events(data: str) -> pw.Table:
    """The events, with `at` in seconds since 1970."""
    read = pw.io.jsonlines.read(data, schema=Event, mode="static", object_pattern="*.jsonl")
    at = pw.this.occurred_at.dt.strptime(TIME, contains_timezone=True).dt.timestamp(unit="s")
    return read.with_columns(at=pw.cast(int, at))


@pw.udf(deterministic=True)
def alerts(token: str, happened: tuple) -> list[str]:
    """The rows of O1 and O2 of one caller, each after its output."""
    caller, rows = Caller(), []
    for at, event_id, name, severity in happened:
        channel = CHANNEL_NUMBERS[name]
        repeat = caller.repeat(at, channel)
        if repeat is not None:
            rows.append(f"o1,{token},{event_id},{at},{repeat[0]},{repeat[1]}")
        start = caller.escalation(at, channel, severity)
        if start is not None:
            rows.append(f"o2,{token},{event_id},{at},{start}")
    return rows


def alerted(happened: pw.Table) -> pw.Table:
    """O1 and O2: a row each."""
    event = pw.make_tuple(happened.at, happened.event_id, happened.channel, happened.severity)
    callers = happened.groupby(happened.caller).reduce(happened.caller, events=pw.reducers.sorted_tuple(event))
    return callers.select(row=alerts(callers.caller, callers.events)).flatten(pw.this.row)


def aggregated(happened: pw.Table) -> pw.Table:
    """O3."""
    cells = happened.with_columns(hour=pw.this.at // HOUR)
    return cells.groupby(cells.region_code, cells.channel, cells.category, cells.hour).reduce(
        cells.region_code, cells.channel, cells.category, cells.hour, events=pw.reducers.count(),
        callers=pw.reducers.count_distinct(cells.caller), severity=pw.reducers.max(cells.severity),
    )  # fmt: skip


def main(data: str, out: str) -> None:
    happened = events(data)
    pw.io.csv.write(alerted(happened), f"{out}/alerts.csv")
    pw.io.csv.write(aggregated(happened), f"{out}/cells.csv")
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main(*sys.argv[1:])
