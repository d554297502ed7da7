"""Job R as a plain loop, with no framework: `python -m benchmarks.reference.plain DATA OUT`.

One thread, one JSON object at a time, dicts and deques; what a good programmer would write in an afternoon. Its answers
are the reference, and every other program's speed is given as a multiple of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO, TextIO

import orjson

from benchmarks.reference.answers import answers
from benchmarks.reference.caller import Caller
from benchmarks.reference.definition import ALWAYS, CHANNELS, HOUR, LATENESS, NEVER

AT_ONCE = 1_000  # lines of a channel

Waiting = tuple[int, str, int, str, int]  # time, event id, channel, caller, severity
Cells = dict[tuple[str, int, str], list[Any]]  # (region, channel, category) -> [events, callers, severity]


def main(data: str, out: str) -> None:
    """Read the events and write the three answers."""
    with ExitStack() as opened, answers(out) as written:
        files = [opened.enter_context(open(f"{data}/{channel}.jsonl", "rb")) for channel in CHANNELS]
        run(files, *written)


def run(files: Sequence[BinaryIO], repeats: TextIO, escalations: TextIO, aggregates: TextIO) -> None:
    """Read the channels side by side, always the one that is behind."""
    newest, unread = [NEVER] * len(files), set(range(len(files)))
    waiting: list[Waiting] = []
    callers: dict[str, Caller] = {}
    hours: dict[int, Cells] = {}
    while unread:
        channel = min(unread, key=newest.__getitem__)
        lines = list(islice(files[channel], AT_ONCE))
        if not lines:
            unread.remove(channel)
            newest[channel] = ALWAYS
        for line in lines:
            event = orjson.loads(line)
            at = int(datetime.fromisoformat(event["occurred_at"]).timestamp())
            if at > newest[channel]:
                newest[channel] = at
            waiting.append((at, event["event_id"], channel, event["caller"], event["severity"]))
            count(hours, at // HOUR, channel, event)
        watermark = min(newest) - LATENESS
        judge(waiting, watermark, callers, repeats, escalations)
        close(hours, watermark, aggregates)


def count(hours: dict[int, Cells], hour: int, channel: int, event: dict[str, Any]) -> None:
    """O3: add an event to its cell."""
    cells = hours.get(hour)
    if cells is None:
        cells = hours[hour] = {}
    key, caller, severity = (event["region_code"], channel, event["category"]), event["caller"], event["severity"]
    cell = cells.get(key)
    if cell is None:
        cells[key] = [1, {caller}, severity]
        return
    cell[0] += 1
    cell[1].add(caller)
    if severity > cell[2]:
        cell[2] = severity


def close(hours: dict[int, Cells], watermark: int, aggregates: TextIO) -> None:
    """O3: write the hours that the watermark has passed."""
    for hour in sorted(hours):
        if (hour + 1) * HOUR > watermark:
            break
        for (region, channel, category), (events, callers, severity) in hours.pop(hour).items():
            aggregates.write(f"{region},{CHANNELS[channel]},{category},{hour},{events},{len(callers)},{severity}\n")


def judge(
    waiting: list[Waiting], watermark: int, callers: dict[str, Caller], repeats: TextIO, escalations: TextIO
) -> None:
    """O1 and O2: take the events that the watermark has passed, in the order of event time."""
    waiting.sort()
    taken = 0
    for at, event_id, channel, token, severity in waiting:
        if at > watermark:
            break
        taken += 1
        caller = callers.get(token)
        if caller is None:
            caller = callers[token] = Caller()
        if (repeat := caller.repeat(at, channel)) is not None:
            repeats.write(f"{token},{event_id},{at},{repeat[0]},{repeat[1]}\n")
        if (start := caller.escalation(at, channel, severity)) is not None:
            escalations.write(f"{token},{event_id},{at},{start}\n")
    del waiting[:taken]


if __name__ == "__main__":
    main(*sys.argv[1:])
