"""A replay through the shipped rules, as a process: `python -m benchmarks.state.flow PEOPLE MORE SECONDS FOLDER`.

First each of `PEOPLE` sends a report, then `MORE` reports follow from the same people, as fast as it goes. With a
`FOLDER` every `SECONDS` a snapshot is kept there, and a second run on it goes on from the last one. With `-` nothing
is kept. It writes, as JSON, what either part used.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
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
from benchmarks.state.people import slices
from connectors.calendars import load_calendars
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.books import Books
from dataflows.detect import add_detection
from dataflows.memory import calm_collector
from dataflows.state_store import FORGETFUL, StateStore, Store

SHARDS = 8
PER_SECOND = 1.0  # of the log's own clock: how old what is kept becomes
NEVER = timedelta(days=365)


class Used(NamedTuple):
    """What the run used."""

    began_cpu: float  # CPU seconds until the first slice was asked for: imports, rules, and what was read back
    began_wall: float  # the same in time, from the start of the process
    cpu: float  # from then to the end
    wall: float
    saving_cpu: float  # of it inside the steps' snapshots
    snapshots: int
    kept_bytes: int  # in the folder, at the end


class Clock:
    """CPU and wall seconds when the first report was asked for, and what saving took since."""

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        self.saving = 0.0
        self.saves = 0

    def begin(self) -> None:
        """The first report is asked for; later ones change nothing."""
        self.began = self.began or (time.process_time(), time.time())


class _People(FixedPartitionedSource[Slice, int]):
    def __init__(self, people: int, more: int, clock: Clock) -> None:
        self._told = people, more, clock

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Part:
        return _Part(*self._told, resume_state or 0)


class _Part(StatefulSourcePartition[Slice, int]):
    def __init__(self, people: int, more: int, clock: Clock, given: int) -> None:
        self._slices: Iterator[Slice] = islice(slices(people, more, PER_SECOND), given, None)
        self._given = given
        self._clock = clock

    def next_batch(self) -> list[Slice]:
        self._clock.begin()
        cut = next(self._slices, None)
        if cut is None:
            raise StopIteration
        self._given += 1
        return [cut]

    def snapshot(self) -> int:
        return self._given


class _Timed:
    """A store that counts what saving takes."""

    def __init__(self, store: Store, clock: Clock) -> None:
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


def run(people: int, more: int, seconds: float, folder: Path | None) -> Used:
    """Run it to its end."""
    clock = Clock()
    store = _Timed(FORGETFUL if folder is None else StateStore(folder / "kept"), clock)
    channels = load_channels()
    flow = Dataflow("anlan")
    rules = load_rules([RULES_FOLDER], channels, load_calendars())
    log = op.input("log", flow, _People(people, more, clock))
    detected = add_detection(log, rules, channels, SHARDS, Books(Metrics()), store=store)
    for name in detected._fields:
        op.output(f"{name}-out", getattr(detected, name), Nowhere())
    with calm_collector():
        cli_main(
            flow, epoch_interval=timedelta(seconds=seconds) if folder else NEVER, recovery_config=_recovery(folder)
        )
    assert clock.began is not None
    cpu, at = clock.began
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder else 0
    return Used(
        cpu, at - _started_at(), time.process_time() - cpu, time.time() - at, clock.saving, clock.saves // (SHARDS + 2),
        kept,
    )  # fmt: skip


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
    folder = None if sys.argv[4] == "-" else Path(sys.argv[4])
    used = run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), folder)
    sys.stdout.write(msgspec.json.encode(used).decode())
