"""Job R in Bytewax as its guides teach it: items by key, a stateful step for each caller, stock windows for O3.

One source in the order of arrival, so O1 and O2 are off where a caller's events overtake one another.
"""

from __future__ import annotations

import sys
from typing import Any

import bytewax.operators as op
from bytewax.connectors.files import FileSink
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition, batch
from bytewax.operators import KeyedStream, Stream
from bytewax.run import cli_main

from benchmarks.reference.caller import Caller
from benchmarks.reference.definition import CHANNELS
from benchmarks.reference.lines import merged_lines
from benchmarks.reference.peers.bytewax_stock import aggregates, parsed

CHANNEL_NUMBERS = {name: number for number, name in enumerate(CHANNELS)}
AT_ONCE = 1_000  # lines in a batch of the source

Event = dict[str, Any]


class LinesPartition(StatefulSourcePartition[bytes, None]):
    """All lines, by the time at which they were reported."""

    def __init__(self, data: str) -> None:
        self._batches = batch(merged_lines(data), AT_ONCE)

    def next_batch(self) -> list[bytes]:
        return next(self._batches)

    def snapshot(self) -> None:
        return None


class LinesSource(FixedPartitionedSource[bytes, None]):
    """One partition, so that the order holds."""

    def __init__(self, data: str) -> None:
        self._data = data

    def list_parts(self) -> list[str]:
        return ["all"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> LinesPartition:
        return LinesPartition(self._data)


def judge(caller: Caller | None, event: Event) -> tuple[Caller, list[tuple[str, str]]]:
    """The alerts of one event: (output, row)."""
    caller = caller or Caller()
    at, channel, rows = int(event["at"].timestamp()), CHANNEL_NUMBERS[event["channel"]], []
    said = f"{event['caller']},{event['event_id']},{at}"
    if (repeat := caller.repeat(at, channel)) is not None:
        rows.append(("o1", f"{said},{repeat[0]},{repeat[1]}"))
    if (start := caller.escalation(at, channel, event["severity"])) is not None:
        rows.append(("o2", f"{said},{start}"))
    return caller, rows


def alerts(events: Stream[Event]) -> KeyedStream[tuple[str, str]]:
    return op.stateful_flat_map("judge", op.key_on("by-caller", events, lambda event: event["caller"]), judge)


def build(data: str, out: str) -> Dataflow:
    flow = Dataflow("job-r")
    events = parsed(op.input("lines", flow, LinesSource(data)))
    kinds = op.branch("kind", alerts(events), lambda keyed: keyed[1][0] == "o1")
    op.output("o1", op.map_value("repeat", kinds.trues, lambda alert: alert[1]), FileSink(f"{out}/o1"))
    op.output("o2", op.map_value("escalation", kinds.falses, lambda alert: alert[1]), FileSink(f"{out}/o2"))
    op.output("o3", aggregates(events, ordered=False), FileSink(f"{out}/o3"))
    return flow


if __name__ == "__main__":
    cli_main(build(*sys.argv[1:]))
