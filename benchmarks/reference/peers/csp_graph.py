"""Job R in csp: a graph of nodes in Python on an engine in C++, one event a tick, in the order of arrival.

O3 is exact; O1 and O2 are off where a caller's events overtake one another.
"""
# csp reads the annotations of nodes as they stand, so they must not be put off

import sys
from datetime import datetime

import csp
import orjson
from csp import ts
from csp.impl.pulladapter import PullInputAdapter
from csp.impl.wiring import py_pull_adapter_def

from benchmarks.reference.answers import answers
from benchmarks.reference.caller import Caller
from benchmarks.reference.definition import CHANNELS, HOUR, LATENESS
from benchmarks.reference.lines import merged_lines, reported_at

CHANNEL_NUMBERS = {name: number for number, name in enumerate(CHANNELS)}
SPAN = datetime.fromisoformat("2026-02-28"), datetime.fromisoformat("2026-04-05")


class Lines(PullInputAdapter):
    """The lines, each at the time at which it was reported."""

    def __init__(self, data: str):
        self._data = data
        super().__init__()

    def start(self, start_time: datetime, end_time: datetime) -> None:
        self._lines = merged_lines(self._data)
        super().start(start_time, end_time)

    def next(self) -> tuple[datetime, bytes] | None:
        line = next(self._lines, None)
        return None if line is None else (datetime.fromisoformat(reported_at(line).decode()), line)


lines = py_pull_adapter_def("lines", Lines, ts[object], data=str)


@csp.node
def parse(line: ts[object]) -> ts[object]:
    if csp.ticked(line):
        event = orjson.loads(line)
        event["at"] = int(datetime.fromisoformat(event["occurred_at"]).timestamp())
        csp.output(event)


@csp.node
def judge(event: ts[object]) -> csp.Outputs(repeats=ts[str], escalations=ts[str]):
    with csp.state():
        s_callers = {}
    if csp.ticked(event):
        at, channel, token = event["at"], CHANNEL_NUMBERS[event["channel"]], event["caller"]
        caller = s_callers.get(token)
        if caller is None:
            caller = s_callers[token] = Caller()
        repeat = caller.repeat(at, channel)
        if repeat is not None:
            csp.output(repeats=f"{token},{event['event_id']},{at},{repeat[0]},{repeat[1]}\n")
        start = caller.escalation(at, channel, event["severity"])
        if start is not None:
            csp.output(escalations=f"{token},{event['event_id']},{at},{start}\n")


def rows(hour, cells):
    return [
        f"{region},{channel},{category},{hour},{events},{len(callers)},{severity}\n"
        for (region, channel, category), (events, callers, severity) in cells.items()
    ]


@csp.node
def count(event: ts[object], file: object) -> ts[str]:
    with csp.state():
        s_hours = {}
        s_checked = 0
    with csp.stop():
        for hour, cells in s_hours.items():
            file.writelines(rows(hour, cells))
    if csp.ticked(event):
        at, caller, severity = event["at"], event["caller"], event["severity"]
        cells = s_hours.setdefault(at // HOUR, {})
        key = event["region_code"], event["channel"], event["category"]
        cell = cells.get(key)
        if cell is None:
            cells[key] = [1, {caller}, severity]
        else:
            cell[0] += 1
            cell[1].add(caller)
            cell[2] = max(cell[2], severity)
        if at // LATENESS > s_checked:
            s_checked = at // LATENESS
            over = [hour for hour in s_hours if (hour + 1) * HOUR + LATENESS <= at]
            if over:
                csp.output("".join([row for hour in over for row in rows(hour, s_hours.pop(hour))]))


@csp.node
def write(text: ts[str], file: object):
    if csp.ticked(text):
        file.write(text)


@csp.graph
def job(data: str, repeats: object, escalations: object, aggregates: object):
    events = parse(lines(data))
    alerts = judge(events)
    write(alerts.repeats, repeats)
    write(alerts.escalations, escalations)
    write(count(events, aggregates), aggregates)


def main(data: str, out: str) -> None:
    with answers(out) as files:
        csp.run(job, data, *files, starttime=SPAN[0], endtime=SPAN[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
