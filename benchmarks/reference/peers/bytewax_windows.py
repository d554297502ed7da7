"""Job R with nothing but Bytewax's stock operators, as a first attempt looks: sliding windows for O1.

A 24 h window that opens every hour is what the stock operators offer for "in the last 24 h": O1 is said when a window
closes and not at the event that makes it true, so most of its rows are others. O2 takes events as they come.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import bytewax.operators as op
import bytewax.operators.windowing as windowing
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators import KeyedStream
from bytewax.run import cli_main

from benchmarks.reference.caller import Caller
from benchmarks.reference.definition import CHANNELS, REPEATS
from benchmarks.reference.peers.bytewax_stock import ALIGNED_AT, CLOCK, Event, aggregates, parsed

CHANNEL_NUMBERS = {name: number for number, name in enumerate(CHANNELS)}
DAY, HOP = timedelta(hours=24), timedelta(hours=1)

Repeat = tuple[datetime, str]  # when, row


def repeated(window: tuple[int, list[Event]]) -> Repeat | None:
    """What a closed window of a caller's events says."""
    events = window[1]
    channels = {CHANNEL_NUMBERS[event["channel"]] for event in events}
    if len(events) < REPEATS or len(channels) < 2:
        return None
    last = events[-1]
    mask = sum(1 << channel for channel in channels)
    return last["at"], f"{last['caller']},{last['event_id']},{int(last['at'].timestamp())},{len(events)},{mask}"


def once_a_day(alerted_at: datetime | None, repeat: Repeat) -> tuple[datetime, str | None]:
    at, row = repeat
    if alerted_at is None or at - alerted_at >= DAY:
        return at, row
    return alerted_at, None


def repeats(by_caller: KeyedStream[Event]) -> KeyedStream[str]:
    sliding = windowing.SlidingWindower(length=DAY, offset=HOP, align_to=ALIGNED_AT)
    windows = windowing.collect_window("last-day", by_caller, CLOCK, sliding)
    said = op.filter_map_value("repeated", windows.down, repeated)
    return op.filter_map_value("said", op.stateful_map("once-a-day", said, once_a_day), lambda row: row)


def escalated(caller: Caller | None, event: Event) -> tuple[Caller, str | None]:
    caller = caller or Caller()
    at = int(event["at"].timestamp())
    start = caller.escalation(at, CHANNEL_NUMBERS[event["channel"]], event["severity"])
    return caller, None if start is None else f"{event['caller']},{event['event_id']},{at},{start}"


def build(data: str, out: str) -> Dataflow:
    flow = Dataflow("job-r")
    channels = [op.input(channel, flow, FileSource(f"{data}/{channel}.jsonl")) for channel in CHANNELS]
    events = parsed(op.merge("all", *channels))
    by_caller = op.key_on("by-caller", events, lambda event: event["caller"])
    escalations = op.filter_map_value("escalation", op.stateful_map("escalated", by_caller, escalated), lambda row: row)
    op.output("o1", repeats(by_caller), FileSink(f"{out}/o1"))
    op.output("o2", escalations, FileSink(f"{out}/o2"))
    op.output("o3", aggregates(events, ordered=True), FileSink(f"{out}/o3"))
    return flow


if __name__ == "__main__":
    cli_main(build(*sys.argv[1:]))
