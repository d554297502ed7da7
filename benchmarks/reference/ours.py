"""Job R through this project's columnar operators, in a Bytewax flow: `python -m benchmarks.reference.ours DATA OUT`.

    blocks of lines ─► decode ─► in order ─► repeat callers, escalations ─► rows
                                    └──────► hourly aggregates ───────────► rows

With `--processes N` each process reads its share of the blocks of every file; callers and cells are divided among the
processes. Columns are all that goes between them: callers by name, which only the process that judges them looks up.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import msgspec
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.run import cli_main

from alerts.columns.arrays import Column, Ints, fixed
from alerts.columns.ascent import Ascent
from alerts.columns.cells import Cells, Counted
from alerts.columns.codes import Codes, PairCodes
from alerts.columns.in_order import Batch, InOrder
from alerts.columns.instants import seconds_of
from alerts.columns.many_codes import ManyCodes, shares_of
from alerts.columns.quiet import Quiet
from alerts.columns.trailing import Trailing
from alerts.columns.translated import Owners, Translated
from benchmarks.listening import await_listener
from benchmarks.reference.definition import (
    CHANNELS,
    DAY,
    GRID,
    HOUR,
    LATENESS,
    NEVER,
    OUTPUTS,
    REPEATS,
    SEVERITIES,
    WEEK,
)
from connectors.child_server import HOST, free_ports
from connectors.line_blocks import LineBlocks

BATCH = 20_000
PART_BYTES = 1 << 21  # of a block, for each process
LINES_A_PART = 6_000  # at least: what one part of a block may add to a batch
STEP = np.array([2, 0, 1, 3])  # of an escalation, by channel: hotline, petition, police
CATEGORIES = 1 << 10  # at most
ENDED = timedelta(days=365)  # a bounded run needs no snapshots

# a step's key for each process: the engine hashes keys to workers, and these fall one on each
NAMES = {1: ["0"], 2: ["4", "0"]}

NOTHING = fixed([])

Rows = tuple[str, str]  # (output, lines)
Said = tuple[str, Any]  # ("rows", (output, lines)) or ("hours", (process, Hours))


class Event(msgspec.Struct, gc=False):
    """What the job needs of a report."""

    event_id: str
    occurred_at: str
    region_code: str
    category: str
    caller: str
    severity: int


class Part(NamedTuple):
    """What one block of lines means for one process; `batch` is None at the end of the source.

    Columns: caller, channel, severity, cell, event id. Callers are names; cells are numbers of the source, and `cells`
    are the names of those that come for the first time.
    """

    source: int
    cells: Column
    batch: Batch | None


class Hours(NamedTuple):
    """Events for the hourly aggregates of one process, and how far their sender has come.

    Columns: cell, caller, severity. Cells are numbers of the sender; `cells` are the names of new ones.
    """

    sender: int
    cells: Column
    batch: Batch
    watermark: int


class Reading(StatefulSourcePartition[tuple[str, Part], None]):
    """One process's share of the four files: the channel that is furthest behind is read next."""

    def __init__(self, folder: Path, share: int, shares: int) -> None:
        self._share, self._shares = share, shares
        self._blocks = [LineBlocks(folder / f"{name}.jsonl", share, shares, PART_BYTES * shares) for name in CHANNELS]
        self._shown = [NEVER] * len(CHANNELS)
        self._live = list(range(len(CHANNELS)))
        self._regions, self._categories = Codes(), Codes()
        self._cells = [PairCodes(CATEGORIES) for _ in CHANNELS]
        self._decode = msgspec.json.Decoder(Event).decode_lines

    def close(self) -> None:
        for blocks in self._blocks:
            blocks.close()

    def next_batch(self) -> list[tuple[str, Part]]:
        if not self._live:
            raise StopIteration
        channel = min(self._live, key=self._shown.__getitem__)
        lines = self._blocks[channel].read()
        source = self._share * len(CHANNELS) + channel
        if not lines:
            self._live.remove(channel)
            return [(name, Part(source, NOTHING, None)) for name in NAMES[self._shares]]
        return self._parts(source, channel, self._decode(lines))

    def _parts(self, source: int, channel: int, events: list[Event]) -> list[tuple[str, Part]]:
        time = seconds_of([event.occurred_at for event in events])
        self._shown[channel] = max(self._shown[channel], int(time.max()))
        caller = fixed([event.caller for event in events])
        region = self._regions.of([event.region_code for event in events])
        category = self._categories.of([event.category for event in events])
        cell, pairs = self._cells[channel].of(region, category)
        batch = Batch(
            time,
            (
                caller,
                np.full(len(events), channel, np.int8),
                np.frombuffer(bytes([event.severity for event in events]), np.uint8),
                cell,
                fixed([event.event_id for event in events]),
            ),
        )
        regions, categories = self._regions.names, self._categories.names
        cells = fixed([f"{regions[region]},{CHANNELS[channel]},{categories[category]}" for region, category in pairs])
        owned = batch.split(shares_of(caller, self._shares), self._shares)
        return [(name, Part(source, cells, each)) for name, each in zip(NAMES[self._shares], owned, strict=True)]

    def snapshot(self) -> None:
        return None


class Files(FixedPartitionedSource[tuple[str, Part], None]):
    """The four files, each process a share.

    Parallel by: blocks of the files.
    Delivery: once; a run that is stopped is started again.
    On failure: stops the flow.
    """

    def __init__(self, folder: Path, process: int, processes: int) -> None:
        self._folder, self._process, self._processes = folder, process, processes

    def list_parts(self) -> list[str]:
        return [str(self._process)]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> Reading:
        return Reading(self._folder, int(for_part), self._processes)


class Judging(StatefulBatchLogic[Part, Said, None]):
    """The callers of one process: repeat callers and escalations; what the aggregates need goes on."""

    def __init__(self, process: int, processes: int, batch: int) -> None:
        self._process, self._processes, self._batch = process, processes, batch
        self._came: list[tuple[int, Batch]] = []  # since the last batch was judged, with their sources
        self._size = 0  # how many events they are
        sources = len(CHANNELS) * processes
        self._order = InOrder(sources, LATENESS)
        self._callers, self._cells = ManyCodes(), ManyCodes()
        self._cells_of = [Translated(self._cells) for _ in range(sources)]
        self._cell_owners = Owners(self._cells, processes)
        self._window = Trailing(DAY + 1, len(CHANNELS))  # [t - 24 h, t]
        self._quiet = Quiet(DAY)
        self._ascent = Ascent(3, SEVERITIES, WEEK)

    def on_batch(self, values: list[Part]) -> tuple[Iterable[Said], bool]:
        said: list[Said] = []
        for source, cells, batch in values:
            if batch is None:
                self._order.end(source)
                continue
            self._cells_of[source].learn(cells)
            self._came.append((source, batch))
            self._size += len(batch)
            if self._size > self._batch - LINES_A_PART:
                said += self._judged()
        return said, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Said], bool]:
        said: list[Said] = []
        while found := self._judged():
            said += found
        return said, StatefulBatchLogic.DISCARD

    def snapshot(self) -> None:
        return None

    def _take_all(self) -> None:
        """What has come, with numbers instead of names; the callers of all at once."""
        names = [batch.columns[0] for _, batch in self._came]
        callers = self._callers.of_written(np.concatenate([NOTHING, *names]))
        for source, (time, (_, channel, severity, cell, event)) in self._came:
            caller, callers = callers[: len(time)], callers[len(time) :]
            cell = self._cells_of[source].of(cell)
            self._order.take(source, Batch(time, (caller, channel, severity, cell, event)))
        self._came, self._size = [], 0

    def _judged(self) -> list[Said]:
        """What is to be said of the events up to the watermark."""
        self._take_all()
        batch = self._order.release(self._batch)
        if batch is None:
            return []
        time, (caller, channel, severity, cell, event) = batch
        return [
            ("rows", ("o1", self._repeats(time, caller, channel, event))),
            ("rows", ("o2", self._escalations(time, caller, channel, severity, event))),
            *self._hours(time, cell, caller, severity),
        ]

    def _hours(self, time: Ints, cell: Ints, caller: Ints, severity: Column) -> list[Said]:
        """The batch for those who count: each gets its cells, and callers by numbers that are the same for all."""
        caller = caller * self._processes + self._process
        fresh = self._cell_owners.learn()
        owner, cell = self._cell_owners.of(cell)
        owned = Batch(time, (cell, caller, severity)).split(owner, self._processes)
        return [
            ("hours", (name, Hours(self._process, cells, batch, self._order.watermark)))
            for name, cells, batch in zip(NAMES[self._processes], fresh, owned, strict=True)
        ]

    def _repeats(self, time: Ints, caller: Ints, channel: Column, event: Column) -> str:
        windows = self._window.take(time, caller, channel)
        rows = np.flatnonzero(windows.reach(REPEATS))
        rows = rows[self._quiet.awake(time[rows], caller[rows])]
        kinds = windows.kinds_of(rows)
        several = (kinds & (kinds - 1)) > 0
        rows, kinds = rows[several], kinds[several]
        said = self._quiet.take(time[rows], caller[rows])
        rows, kinds = rows[said], kinds[said]
        found = (self._callers.written(caller[rows]), event[rows], time[rows], windows.count(rows), kinds)
        return "".join(
            [f"{c.decode()},{e.decode()},{t},{n},{m}\n" for c, e, t, n, m in zip(*_lists(found), strict=True)]
        )

    def _escalations(self, time: Ints, caller: Ints, channel: Column, severity: Column, event: Column) -> str:
        rows = np.flatnonzero(channel != GRID)
        found = self._ascent.take(time[rows], caller[rows], STEP[channel[rows]], severity[rows] - 1)
        rows = rows[found.rows]
        columns = (self._callers.written(caller[rows]), event[rows], time[rows], found.began)
        return "".join([f"{c.decode()},{e.decode()},{t},{b}\n" for c, e, t, b in zip(*_lists(columns), strict=True)])


class Counting(StatefulBatchLogic[Hours, Said, None]):
    """The hourly aggregates of some cells."""

    def __init__(self, processes: int) -> None:
        self._cells = ManyCodes()
        self._names: list[str] = []  # of cells, by number
        self._cells_of = [Translated(self._cells) for _ in range(processes)]
        self._watermarks = [NEVER] * processes
        self._counted = Cells(HOUR)

    def on_batch(self, values: list[Hours]) -> tuple[Iterable[Said], bool]:
        for sender, names, (time, (cell, caller, severity)), watermark in values:
            self._cells_of[sender].learn(names)
            self._counted.take(time, self._cells_of[sender].of(cell), caller, severity)
            self._watermarks[sender] = watermark
        return self._closed(min(self._watermarks)), StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Said], bool]:
        return self._closed(-NEVER), StatefulBatchLogic.DISCARD

    def snapshot(self) -> None:
        return None

    def _closed(self, watermark: int) -> list[Said]:
        counted = self._counted.close(watermark)
        return [("rows", ("o3", self._rows(counted)))] if len(counted.cell) else []

    def _rows(self, counted: Counted) -> str:
        """The lines; most cells of a quiet hour have the same few counts, whose texts are made once."""
        counts, which = _distinct(counted.events, counted.distinct, counted.greatest)
        ends = [f"{count},{distinct},{greatest}\n" for count, distinct, greatest in counts]
        self._names += self._cells.names(np.arange(len(self._names), len(self._cells)))
        columns = zip(*_lists((counted.cell, counted.window, which)), strict=True)
        return "".join([f"{self._names[cell]},{hour},{ends[end]}" for cell, hour, end in columns])


def _distinct(*columns: Ints) -> tuple[list[list[int]], Ints]:
    """The different rows of some columns of small numbers, and for each row which of them it is."""
    packed = np.zeros(len(columns[0]), np.int64)
    widths = [int(column.max()).bit_length() for column in columns]
    for column, width in zip(columns, widths, strict=True):
        packed = packed << width | column
    _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    return [list(row) for row in zip(*_lists([column[first] for column in columns]), strict=True)], which


def _lists(columns: Iterable[Column]) -> list[list[Any]]:
    return [column.tolist() for column in columns]


class Writing(StatefulSinkPartition[Rows, None]):
    """One process's files of answers."""

    def __init__(self, folder: Path, process: int) -> None:
        self._files = {output: (folder / f"{output}-{process}.csv").open("w") for output in OUTPUTS}

    def write_batch(self, items: list[Rows]) -> None:
        for output, lines in items:
            self._files[output].write(lines)

    def snapshot(self) -> None:
        return None

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class Answers(FixedPartitionedSink[Rows, None]):
    """Files of answers; each process writes what it has found.

    Parallel by: process.
    Delivery: once; a run that is stopped is started again.
    On failure: stops the flow.
    """

    def __init__(self, folder: Path, process: int) -> None:
        self._folder, self._process = folder, process

    def list_parts(self) -> list[str]:
        return [str(self._process)]

    def part_fn(self, item_key: str) -> int:
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> Writing:
        return Writing(self._folder, int(for_part))


def flow_of(data: Path, out: Path, process: int, processes: int, batch: int) -> Dataflow:
    """The whole job, as each process runs it."""

    def rows(keyed: tuple[str, Said]) -> tuple[str, Rows] | None:
        kind, said = keyed[1]
        return (str(process), said) if kind == "rows" else None

    def hours(keyed: tuple[str, Said]) -> tuple[str, Hours] | None:
        kind, said = keyed[1]
        return said if kind == "hours" else None

    flow = Dataflow("job-r")
    parts = op.input("blocks", flow, Files(data, process, processes))
    judged = op.stateful_batch("judge", parts, lambda kept: Judging(process, processes, batch))
    counted = op.stateful_batch("count", op.filter_map("hours", judged, hours), lambda kept: Counting(processes))
    found = op.merge("rows", op.filter_map("alerts", judged, rows), op.filter_map("aggregates", counted, rows))
    op.output("answers", found, Answers(out, process))
    return flow


def run(data: Path, out: Path, batch: int, ports: list[int], process: int) -> None:
    """One process of the job; each has a port."""
    gc.freeze()
    gc.disable()  # nothing here refers to itself
    out.mkdir(parents=True, exist_ok=True)
    flow = flow_of(data, out, process, len(ports), batch)
    cluster: dict[str, Any] = {"addresses": [f"{HOST}:{port}" for port in ports], "process_id": process}
    if process:
        await_listener(ports[0])
    cli_main(flow, epoch_interval=ENDED, **cluster if len(ports) > 1 else {})


def main() -> int:
    """Run the job; with several processes this one starts the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--processes", type=int, choices=sorted(NAMES), default=1)
    parser.add_argument(
        "--batch", type=int, default=BATCH, help="events judged at once, at most (default: %(default)s)"
    )
    chosen = parser.parse_args()
    job = partial(run, chosen.data, chosen.out, chosen.batch, free_ports(chosen.processes))
    others = [get_context("fork").Process(target=job, args=(number,)) for number in range(1, chosen.processes)]
    for other in others:
        other.start()
    job(0)
    for other in others:
        other.join()
    return max((other.exitcode or 0 for other in others), default=0)


if __name__ == "__main__":
    sys.exit(main())
