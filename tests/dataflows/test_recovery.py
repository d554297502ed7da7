"""Before a flow starts its snapshot is looked at: a good one is found good, and each way to be bad is told in words."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import AbortExecution, FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from alerts import kept
from connectors.embedded import Broker
from connectors.kafka import INTAKE_LOG, ensure_topics
from connectors.spool_file import SpoolFile
from dataflows.history_first import UNFINISHED
from dataflows.recovery import (
    JOURNALS,
    SNAPSHOTS,
    SPOOLS,
    Snapshot,
    UnusableError,
    check_snapshots,
    check_spools,
    set_aside,
    snapshots_of,
)
from dataflows.settings import Settings
from dataflows.start import take_up
from dataflows.state_store import Keeps, StateStore

VERSION = 4
BOUNDS = {0: (0, 100)}
STEPS = ("redis", "redis-people", "pool")  # whose rows may wait on the disk


class Sum:
    """A stage that keeps one number."""

    def __init__(self) -> None:
        self.sum = 0

    def snapshot(self) -> bytes:
        return kept.encode(VERSION, {(): self.sum}, whole=True)

    def changes(self) -> bytes:
        return kept.encode(VERSION, {(): self.sum}, whole=False)

    def restore(self, frames: Sequence[bytes]) -> None:
        raise NotImplementedError


class Counting(FixedPartitionedSource[int, tuple[int, dict[int, int]]]):
    """Numbers up to an end; broken off before one of them if told so."""

    def __init__(self, end: int, abort_at: int | None = None) -> None:
        self.end, self.abort_at, self.resumed_at = end, abort_at, 0

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _Part:
        self.resumed_at = resume_state[1][0] if resume_state else 0
        return _Part(self, self.resumed_at)


class _Part(StatefulSourcePartition[int, tuple[int, dict[int, int]]]):
    def __init__(self, source: Counting, offset: int) -> None:
        self.source, self.offset = source, offset

    def next_batch(self) -> list[int]:
        if self.offset == self.source.abort_at:
            raise AbortExecution
        if self.offset == self.source.end:
            raise StopIteration
        self.offset += 1
        return [self.offset - 1]

    def snapshot(self) -> tuple[int, dict[int, int]]:
        return self.offset * 1_000_000, {0: self.offset}


class _Step(StatefulBatchLogic[int, int, bytes]):
    def __init__(self, store: StateStore) -> None:
        self.stage = Sum()
        self.keeper: Keeps = store.begin("link", "log", self.stage)

    def on_batch(self, values: list[int]) -> tuple[Iterable[int], bool]:
        self.stage.sum += sum(values)
        return values, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[int], bool]:
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        return self.keeper.save()[0]


def run(state: Path, source: Counting) -> list[bytes | None]:
    """Run a flow; what the engine gave back to its stateful step."""
    (state / SNAPSHOTS).mkdir(exist_ok=True)
    if not list((state / SNAPSHOTS).iterdir()):
        init_db_dir(state / SNAPSHOTS, 1)
    given: list[bytes | None] = []

    def _step(saved: bytes | None) -> _Step:
        given.append(saved)
        return _Step(StateStore(state / JOURNALS))

    flow = Dataflow("anlan")
    numbers = op.key_on("key", op.input("sources", flow, source), lambda _: "log")
    summed = op.stateful_batch("link", numbers, _step)
    op.output("out", summed, TestingSink([]))
    cli_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(state / SNAPSHOTS), timedelta(0)))
    return given


def check(state: Path, bounds: dict[int, tuple[int, int]] = BOUNDS, version: int = VERSION) -> None:
    check_snapshots(snapshots_of(state / SNAPSHOTS), StateStore(state / JOURNALS), {"link": version}, bounds)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    run(tmp_path, Counting(30, abort_at=20))
    return tmp_path


def test_what_the_engine_would_resume_from_is_found(state: Path) -> None:
    found = {snapshot.step: snapshot for snapshot in snapshots_of(state / SNAPSHOTS)}
    assert set(found) == {"sources", "link"}
    clock, offsets = found["sources"].state
    assert (clock, found["sources"].key) == (offsets[0] * 1_000_000, "log")
    check(state)
    source = Counting(30)
    assert run(state, source)[0] == found["link"].state
    assert source.resumed_at == offsets[0]


def test_a_flow_that_never_ran_has_nothing_to_resume_from(tmp_path: Path) -> None:
    (tmp_path / SNAPSHOTS).mkdir()
    assert snapshots_of(tmp_path / SNAPSHOTS) == []
    init_db_dir(tmp_path / SNAPSHOTS, 1)
    assert snapshots_of(tmp_path / SNAPSHOTS) == []


@pytest.mark.integration
def test_a_start_that_was_killed_before_the_engine_had_its_file_is_made_up_for(tmp_path: Path) -> None:
    (tmp_path / SNAPSHOTS).mkdir()
    with Broker(tmp_path / "broker") as broker:
        ensure_topics(broker.bootstrap, {INTAKE_LOG: 1})
        start = take_up(tmp_path, Settings(kafka=broker.bootstrap, state=str(tmp_path)))

    assert not start.is_rebuild
    assert [path.name for path in (tmp_path / SNAPSHOTS).iterdir()] == ["part-0.sqlite3"]
    run(tmp_path, Counting(5))
    check(tmp_path)


def test_a_damaged_file_of_the_engine_is_told(state: Path) -> None:
    (path,) = (state / SNAPSHOTS).glob("part-*.sqlite3")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(8192) + whole[12288:])
    for leftover in (state / SNAPSHOTS).glob("*-wal"):
        leftover.unlink()
    with pytest.raises(UnusableError, match=r"snapshots must be (whole|readable); got `"):
        check(state)


def test_a_file_of_the_engine_that_is_no_database_is_told(state: Path) -> None:
    (path,) = (state / SNAPSHOTS).glob("part-*.sqlite3")
    path.write_text("something else altogether, long enough to be looked at as a header" * 100)
    with pytest.raises(UnusableError, match="snapshots must be readable; got `file is not a database`"):
        check(state)


def test_a_damaged_journal_is_told(state: Path) -> None:
    with sqlite3.connect(state / JOURNALS / "link.log.journal") as file:
        file.execute("UPDATE frames SET checksum = checksum + 1 WHERE number = 1")
    with pytest.raises(UnusableError, match=r"a frame must be as it was written.*link.log.journal, frame 1"):
        check(state)


def test_a_journal_that_is_gone_is_told(state: Path) -> None:
    shutil.rmtree(state / JOURNALS)
    with pytest.raises(UnusableError, match="journal of a snapshot must be there; got none"):
        check(state)


def test_state_of_another_version_is_told(state: Path) -> None:
    with pytest.raises(UnusableError, match="state of step `link` must have version 5; got 4"):
        check(state, version=5)


def test_a_snapshot_older_than_the_log_is_told(state: Path) -> None:
    with pytest.raises(UnusableError, match="the snapshot must be newer than the oldest record of the log; got 50"):
        check(state, bounds={0: (50, 100)})


def test_a_rebuild_that_was_cut_off_is_told(state: Path) -> None:
    snapshots = [Snapshot("sources", "log", UNFINISHED)]
    with pytest.raises(UnusableError, match="a rebuild from the pool must be finished; got one that was cut off"):
        check_snapshots(snapshots, StateStore(state / JOURNALS), {}, BOUNDS)


def test_a_snapshot_that_is_set_aside_is_kept_and_the_spools_stay(state: Path) -> None:
    (state / SPOOLS).mkdir()
    (state / "engine-epoch").write_text("7")
    folder = set_aside(state, lambda: datetime(2026, 1, 2, 3, 4, 5, 6, UTC))
    assert folder == state / "set-aside" / "20260102T030405.000006"
    assert sorted(path.name for path in folder.iterdir()) == [JOURNALS, SNAPSHOTS]
    assert sorted(path.name for path in state.iterdir()) == ["engine-epoch", "set-aside", SPOOLS]
    run(state, Counting(5))
    check(state)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_root_sets_aside_belongs_to_whom_the_state_does(state: Path) -> None:
    os.chown(state, 10001, 10002)
    folder = set_aside(state)

    assert {(path.stat().st_uid, path.stat().st_gid) for path in (folder.parent, folder)} == {(10001, 10002)}


def spooled(state: Path) -> list[Snapshot]:
    """All sinks with rows that wait, and what the engine keeps of them."""
    kept = []
    for step in STEPS:
        file = SpoolFile(state / SPOOLS / f"{step}.journal")
        file.append(0.0, 1, b"row")
        pointer = file.pointer()
        kept.append(Snapshot(step, step, msgspec.msgpack.encode((1, [], pointer)) if step == "pool" else pointer))
        file.close()
    return kept


def test_spools_that_hold_what_their_snapshots_need_are_found_good(state: Path) -> None:
    check_spools(spooled(state), state / SPOOLS)
    check_spools([], state / SPOOLS)
    check_spools([Snapshot("pool", "pool", [1, 2])], state / "none")


@pytest.mark.parametrize("step", STEPS)
def test_a_spool_that_is_gone_is_told(state: Path, step: str) -> None:
    kept = spooled(state)
    (state / SPOOLS / f"{step}.journal").unlink()
    with pytest.raises(UnusableError, match=rf"spool of a snapshot must be there; got no file \(.*{step}.journal\)"):
        check_spools(kept, state / SPOOLS)


def test_a_spool_that_cannot_be_read_is_set_aside_too(state: Path) -> None:
    spooled(state)
    (state / SPOOLS / "pool.journal").write_bytes(b"something else, and long enough to be read as a header" * 50)
    folder = set_aside(state)
    assert (folder / "pool.journal").exists()
    assert {path.name for path in (state / SPOOLS).glob("*.journal")} == {"redis.journal", "redis-people.journal"}
    check_spools([], state / SPOOLS)


def test_every_sink_that_keeps_rows_on_the_disk_is_looked_at() -> None:
    code = "\n".join(file.read_text() for file in (Path(__file__).parents[2] / "connectors").glob("*.py"))
    spools = re.findall(r'^SPOOL = "(.*)\.journal"', code, re.MULTILINE)

    assert sorted(spools) == sorted(STEPS)
