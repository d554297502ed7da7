"""Detection alone as a cluster of processes: it reads an intake log and appends what it says to files.

Run as a program it is one process of the cluster. `Cluster` starts such processes, stops them and kills them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from live_flow import PATIENCE_SECONDS
from msgspec import Struct

from alerts.alert import Draft
from alerts.desk.routing import Routing
from alerts.model import PooledEvent, Revision, Slice
from alerts.rule_book import RuleBook
from connectors.calendars import load_calendars
from connectors.child_server import free_ports
from connectors.kafka import INTAKE_LOG, LogSource
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.books import Books
from dataflows.detect import add_detection
from dataflows.past import Past
from dataflows.state_store import FORGETFUL, StateStore, Store

STORES = 2  # files of the engine's own recovery


class Task(Struct):
    """What one process of a cluster does."""

    bootstrap: str
    said: str  # folder
    matters: str = ""  # file with the events of the matters that people merge and split, by the instant at which
    state: str = ""  # folder; "" keeps nothing
    shards: int = 5
    batch: int = 100
    pause_ms: int = 0  # between two batches of records
    workers: int = 1
    process: int = 0
    addresses: tuple[str, ...] = ()


class KnownPast(Past):
    """A past that knows the events of matters from a file instead of a pool."""

    def __init__(self, file: str) -> None:
        super().__init__()
        found = Path(file).read_bytes() if file else b"{}"
        self._events = msgspec.json.decode(found, type=dict[int, list[PooledEvent]])

    def of_matters(self, matters: frozenset[str], before: int) -> list[PooledEvent]:
        return [each for each in self._events[before] if each.matter in matters]


class Paced(FixedPartitionedSource[Slice, Any]):
    """A source that takes a rest after each batch, so that something can happen while it reads."""

    def __init__(self, source: LogSource, pause: timedelta) -> None:
        self._source = source
        self._pause = pause

    def list_parts(self) -> list[str]:
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _PacedPart:
        return _PacedPart(self._source.build_part(step_id, for_part, resume_state), self._pause)


class _PacedPart(StatefulSourcePartition[Slice, Any]):
    def __init__(self, part: StatefulSourcePartition[Slice, Any], pause: timedelta) -> None:
        self._part = part
        self._pause = pause

    def next_batch(self) -> Any:
        return self._part.next_batch()

    def next_awake(self) -> datetime:
        return datetime.now(UTC) + self._pause

    def snapshot(self) -> Any:
        return self._part.snapshot()

    def close(self) -> None:
        self._part.close()


class SaidSink(DynamicSink[tuple[str, list[Draft]]]):
    """Appends revisions to a file of each worker's own, one JSON line each."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _SaidPart:
        return _SaidPart(self._folder / f"{os.getpid()}-{worker_index}.jsonl")


class _SaidPart(StatelessSinkPartition[tuple[str, list[Draft]]]):
    def __init__(self, file: Path) -> None:
        self._file = file

    def write_batch(self, items: list[tuple[str, list[Draft]]]) -> None:
        drafts = [draft for _, part in items for draft in part if not draft.standing]
        with self._file.open("ab") as out:
            out.write(b"".join(msgspec.json.encode(draft.revision) + b"\n" for draft in drafts))


def run(task: Task) -> None:
    """One process of the cluster, until the log ends or a signal comes."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    channels = load_channels()
    log = LogSource(task.bootstrap, INTAKE_LOG, stop, until_end=True, batch=task.batch)
    store: Store = StateStore(Path(task.state) / "kept") if task.state else FORGETFUL
    flow = Dataflow("anlan")
    found = add_detection(
        op.input("log", flow, Paced(log, timedelta(milliseconds=task.pause_ms)) if task.pause_ms else log),
        load_rules([RULES_FOLDER], channels),
        channels,
        task.shards,
        Books(Metrics()),
        partial(RuleBook.compiled, channels=channels, calendars=load_calendars()),
        KnownPast(task.matters),
        store,
        routing_of=partial(Routing, calendars=load_calendars()),
    )
    op.output("said", found.drafts, SaidSink(task.said))
    recovery = RecoveryConfig(f"{task.state}/snapshots", timedelta(0)) if task.state else None
    cli_main(
        flow,
        process_id=task.process if task.addresses else None,
        addresses=list(task.addresses) or None,
        workers_per_process=task.workers,
        epoch_interval=timedelta(seconds=0.1 if task.state else 3600),
        recovery_config=recovery,
    )


class Cluster:
    """Runs of detection over one log, with one folder of state, one after the other."""

    def __init__(self, bootstrap: str, folder: Path, matters: Path, keeps_state: bool = False) -> None:
        self._bootstrap = bootstrap
        self._matters = str(matters)
        self._said = folder / "said"
        self._said.mkdir(parents=True)
        self._output = folder / "output.log"
        self._state = folder / "state" if keeps_state else None
        if self._state is not None:
            (self._state / "snapshots").mkdir(parents=True)
            (self._state / "kept").mkdir()
            init_db_dir(self._state / "snapshots", STORES)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, processes: int = 1, **parts: Any) -> None:
        """Start a cluster of so many processes; `parts` are fields of `Task`."""
        addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(processes)) if processes > 1 else ()
        state = str(self._state or "")
        for number in range(processes):
            task = Task(
                self._bootstrap, str(self._said), self._matters, state, process=number, addresses=addresses, **parts
            )
            command = [sys.executable, __file__, msgspec.json.encode(task).decode()]
            with self._output.open("ab") as output:
                self._running.append(subprocess.Popen(command, stdout=output, stderr=output))

    def wait(self) -> list[int]:
        """The exit codes of all processes, when they have ended."""
        codes = [process.wait(PATIENCE_SECONDS) for process in self._running]
        self._running = []
        return codes

    def stop(self) -> list[int]:
        """Ask every process to stop."""
        for process in self._running:
            process.terminate()
        return self.wait()

    def kill(self, number: int = 0) -> list[int]:
        """Kill one process without warning; without it the others end as well, or are ended."""
        self._running[number].kill()
        for process in self._running:
            if _outlives(process):
                process.kill()
        return self.wait()

    def end(self) -> None:
        """Leave nothing running."""
        for process in self._running:
            process.kill()
            process.wait()

    @property
    def runs(self) -> bool:
        """Is every process still there?"""
        return all(process.poll() is None for process in self._running)

    def said(self) -> list[Revision]:
        """Every revision in the files; a line that was cut by a kill is not whole and not there."""
        return list(self._revisions(msgspec.json.Decoder(Revision).decode))

    def count(self) -> int:
        """How many revisions have been written."""
        return sum(1 for _ in self._revisions(lambda line: line))

    def output(self) -> str:
        """What the processes complained about."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def _revisions(self, decode: Callable[[bytes], Any]) -> Iterator[Any]:
        for file in sorted(self._said.iterdir()):
            yield from (decode(line) for line in file.read_bytes().split(b"\n")[:-1])


def _outlives(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        return True
    return False


if __name__ == "__main__":
    run(msgspec.json.decode(sys.argv[1], type=Task))
