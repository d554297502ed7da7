"""A replay through the shipped rules, as a process: `python -m benchmarks.state.flow TASK`, a `Task` as JSON.

It writes, as JSON, what it used.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from alerts.model import Slice
from benchmarks.nowhere import Nowhere
from benchmarks.state.people import SLICE, START_US, city, slices
from connectors.calendars import load_calendars
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.books import Books
from dataflows.detect import add_detection
from dataflows.memory import calm_collector
from dataflows.merging import MergeProcess
from dataflows.state_store import FORGETFUL, StateStore, Store

SHARDS = 8
CITY_START_US = 1_767_196_800_000_000  # the first event of a city arrives
PER_SECOND = 1.0  # of the log's own clock: how old what is kept becomes
NEVER = timedelta(days=365)


class Task(NamedTuple):
    """What to replay, as fast as it goes: a report of each of the people, and then what counts."""

    people: int
    more: int  # reports of theirs that follow, and count
    history: str  # or a file with the events of a city that follow, and count; "" for none
    seconds: float  # between two snapshots
    folder: str = ""  # where they are kept, and where another run goes on; "" for none

    @property
    def is_city(self) -> bool:
        """Whether a city follows, and only that counts."""
        return bool(self.history)


class Used(NamedTuple):
    """What the run used."""

    began_cpu: float  # CPU seconds until the first slice that counts was asked for
    began_wall: float  # the same in time, from the start of the process
    events: int  # from then on
    cpu: float  # to the end, that of the processes that merge journals included
    wall: float
    saving_cpu: float  # of it inside the steps' snapshots
    snapshots: int
    keys: int  # of all rules, at the end
    kept_bytes: int  # in the folder, at the end


class Clock:
    """CPU and wall seconds when the first report was asked for, and what saving took since."""

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        self.events = 0
        self.saving = 0.0
        self.saves = 0

    def begin(self) -> None:
        """What counts begins; later calls change nothing."""
        if self.began is None:
            self.began = cpu_seconds(), time.time()
            self.saving = self.saves = 0


class _People(FixedPartitionedSource[Slice, int]):
    def __init__(self, task: Task, clock: Clock) -> None:
        self._task = task
        self._clock = clock

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Part:
        return _Part(self._task, self._clock, resume_state or 0)


class _Part(StatefulSourcePartition[Slice, int]):
    def __init__(self, task: Task, clock: Clock, given: int) -> None:
        start_us = CITY_START_US - int(task.people / PER_SECOND * 1e6) if task.is_city else START_US
        people = slices(task.people, task.more, PER_SECOND, start_us)
        self._before = -(-task.people // SLICE)  # slices that do not count
        self._slices = islice(chain(people, city(Path(task.history)) if task.is_city else ()), given, None)
        self._given = given
        self._clock = clock

    def next_batch(self) -> list[Slice]:
        if self._given >= self._before:
            self._clock.begin()
        cut = next(self._slices, None)
        if cut is None:
            raise StopIteration
        if self._clock.began is not None:
            self._clock.events += len(cut.arrivals)
        self._given += 1
        return [cut]

    def snapshot(self) -> int:
        return self._given


class _Timed:
    """A store that counts what saving takes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.seconds = store.seconds
        self._store = store
        self._clock = clock

    def begin(self, step: str, key: str, stage: Any) -> Any:
        return _TimedKeeper(self._store.begin(step, key, stage), self._clock)

    def resume(self, saved: bytes, stage: Any) -> Any:
        return _TimedKeeper(self._store.resume(saved, stage), self._clock)


class _TimedKeeper:
    def __init__(self, keeper: Any, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock

    def save(self) -> tuple[bytes, int]:
        began = time.process_time()
        saved: tuple[bytes, int] = self._keeper.save()
        self._clock.saving += time.process_time() - began
        self._clock.saves += 1
        return saved

    def save_ahead(self, share: float) -> None:
        began = time.process_time()
        self._keeper.save_ahead(share)
        self._clock.saving += time.process_time() - began


def run(task: Task) -> Used:
    """Run it to its end."""
    clock, folder = Clock(), Path(task.folder) if task.folder else None
    store = _Timed(
        FORGETFUL if folder is None else StateStore(folder / "kept", merger=MergeProcess(), seconds=task.seconds), clock
    )
    channels = load_channels()
    flow = Dataflow("anlan")
    rules = load_rules([RULES_FOLDER], channels, load_calendars())
    log = op.input("log", flow, _People(task, clock))
    metrics = Metrics()
    detected = add_detection(log, rules, channels, SHARDS, Books(metrics), store=store)
    for name in detected._fields:
        op.output(f"{name}-out", getattr(detected, name), Nowhere())
    with calm_collector():
        cli_main(
            flow, epoch_interval=timedelta(seconds=task.seconds) if folder else NEVER, recovery_config=_recovery(folder)
        )
    assert clock.began is not None
    cpu, at = clock.began
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder else 0
    used = cpu_seconds() - cpu, time.time() - at
    keys = sum(int(each.value) for family in metrics.keys_kept.collect() for each in family.samples)
    return Used(cpu, at - _started_at(), clock.events, *used, clock.saving, clock.saves // (SHARDS + 2), keys, kept)


def cpu_seconds() -> float:
    """Of this process, and of those that merged journals for it and have ended."""
    return sum(os.times()[:4])


def _started_at() -> float:
    """When this process began, as Unix time."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[19])
    up_seconds = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - up_seconds + ticks / os.sysconf("SC_CLK_TCK")


def _recovery(folder: Path | None) -> RecoveryConfig | None:
    if folder is None:
        return None
    snapshots = folder / "snapshots"
    if not snapshots.exists():
        snapshots.mkdir(parents=True)
        init_db_dir(snapshots, 1)
    return RecoveryConfig(str(snapshots), timedelta(0))


if __name__ == "__main__":
    os.environ.setdefault("RUST_BACKTRACE", "0")
    used = run(msgspec.json.decode(sys.argv[1], type=Task))
    sys.stdout.write(msgspec.json.encode(used).decode())
