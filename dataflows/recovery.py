"""What a flow starts from: the last snapshot, or, where that is missing, too old or damaged, the intake log.

Everything is looked at before the flow is built, because the engine stops without a word of explanation. A
snapshot that cannot be used is set aside, never thrown away; what was in it is a function of the intake log.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from alerts.kept import StateVersionError, version_of
from connectors.clickhouse import SPOOL as POOL_SPOOL
from connectors.clickhouse_writer import state_of
from connectors.journal import JournalError
from connectors.redis import SPOOL as REDIS_SPOOL
from connectors.redis_people import SPOOL as PEOPLE_SPOOL
from connectors.spool_file import verify
from dataflows.history_first import UNFINISHED
from dataflows.sources import STEP
from dataflows.state_store import StateStore

KEPT_STEPS = ("link", "detect", "publish")  # their snapshots are pointers into the journals
LOG_SOURCE = (STEP, "log")
SNAPSHOTS, JOURNALS, SPOOLS, SET_ASIDE = "snapshots", "kept", "spool", "set-aside"

Bounds = Mapping[int, tuple[int, int]]  # for each partition of the log its oldest offset, and its end


class UnusableError(Exception):
    """A snapshot that nothing can go on from; the sentence says why."""


class Snapshot(NamedTuple):
    """What the engine kept last of one step and key."""

    step: str
    key: str
    state: Any


def snapshots_of(folder: Path) -> list[Snapshot]:
    """What the engine would resume from, read from its own files. Raises `UnusableError` where they are damaged."""
    found: list[Snapshot] = []
    with _readable(folder) as parts:
        resume_epoch = min((epoch for part in parts if (epoch := _resume_epoch(part)) is not None), default=0)
        for part in parts:
            found += _snapshots(part, resume_epoch)
    return found


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[list[sqlite3.Connection]]:
    with contextlib.ExitStack() as stack:
        try:
            files = sorted(folder.glob("part-*.sqlite3"))
            parts = [stack.enter_context(closing(sqlite3.connect(file))) for file in files]
            for file, part in zip(files, parts, strict=True):
                (said,) = part.execute("PRAGMA quick_check(1)").fetchone()
                if said != "ok":
                    raise UnusableError(f"snapshots must be whole; got `{said}` ({file})")
            yield parts
        except (sqlite3.Error, pickle.UnpicklingError) as error:
            raise UnusableError(f"snapshots must be readable; got `{error}` ({folder})") from error


def _resume_epoch(part: sqlite3.Connection) -> int | None:
    """The first epoch that is not whole: the least that a worker of the last run had reached, or began at."""
    (epoch,) = part.execute(
        "SELECT coalesce(min(worker_frontier), max(resume_epoch)) FROM exs LEFT JOIN fronts USING (ex_num)"
        " WHERE ex_num = (SELECT max(ex_num) FROM exs)"
    ).fetchone()
    return None if epoch is None else int(epoch)


def _snapshots(part: sqlite3.Connection, resume_epoch: int) -> Iterator[Snapshot]:
    rows = part.execute(
        "SELECT step_id, state_key, max(snap_epoch), ser_change FROM snaps"
        " WHERE snap_epoch < ? GROUP BY step_id, state_key",
        (resume_epoch,),
    )
    for step, key, _, change in rows:
        if change is not None:
            yield Snapshot(step.partition(".")[2], key, pickle.loads(change))


def source_states(snapshots: Iterable[Snapshot]) -> dict[str, Any]:
    """Where each source stood, by its name."""
    return {snapshot.key: snapshot.state for snapshot in snapshots if snapshot.step == STEP}


def check_snapshots(snapshots: list[Snapshot], store: StateStore, versions: Mapping[str, int], bounds: Bounds) -> None:
    """Raise `UnusableError` for the first reason why a flow could not go on from these snapshots."""
    if snapshots and not any((snapshot.step, snapshot.key) == LOG_SOURCE for snapshot in snapshots):
        raise UnusableError("a snapshot must tell where in the log to go on; got one that does not")
    for snapshot in snapshots:
        if snapshot.step in KEPT_STEPS:
            _check_kept(snapshot, store, versions[snapshot.step])
        elif (snapshot.step, snapshot.key) == LOG_SOURCE:
            clock_us, offsets = snapshot.state
            _check_position(clock_us, offsets, bounds)


def _check_kept(snapshot: Snapshot, store: StateStore, version: int) -> None:
    try:
        for body in store.frames(snapshot.state):
            if version_of(body) != version:
                raise UnusableError(
                    f"state of step `{snapshot.step}` must have version {version}; got {version_of(body)}"
                )
    except (JournalError, StateVersionError) as error:
        raise UnusableError(str(error)) from error


def _check_position(clock_us: int, offsets: Mapping[int, int], bounds: Bounds) -> None:
    if clock_us == UNFINISHED[0]:
        raise UnusableError("a rebuild from the pool must be finished; got one that was cut off")
    for partition, offset in offsets.items():
        low = bounds[partition][0] if partition in bounds else 0
        if 0 <= offset < low:
            raise UnusableError(
                f"the snapshot must be newer than the oldest record of the log; got {low} as the oldest,"
                f" {offset} is next (partition {partition})"
            )


def check_spools(snapshots: list[Snapshot], folder: Path) -> None:
    """Raise `UnusableError` if a sink could not go on with what waited on the disk for its server."""
    saved = {snapshot.step: snapshot.state for snapshot in snapshots}
    try:
        verify(folder / REDIS_SPOOL, saved.get("redis"))
        verify(folder / PEOPLE_SPOOL, saved.get("redis-people"))
        verify(folder / POOL_SPOOL, state_of(saved.get("pool")).spool)
    except JournalError as error:
        raise UnusableError(str(error)) from error


def set_aside(state: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Path:
    """Move snapshots and journals out of the way; where they are now. Spools that can be read stay: they still wait.

    Whoever does it, the folders belong to whom the state does: the flow sets its state aside in them as well.
    """
    folder = state / SET_ASIDE / now().strftime("%Y%m%dT%H%M%S.%f")
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        owner = state.stat()
        for made in (folder.parent, folder):
            os.chown(made, owner.st_uid, owner.st_gid)
    for name in (SNAPSHOTS, JOURNALS):
        if (state / name).exists():
            (state / name).rename(folder / name)
    for spool in (state / SPOOLS).glob("*.journal"):
        try:
            verify(spool, None)
        except JournalError:
            for part in spool.parent.glob(f"{spool.name}*"):  # SQLite has its own files beside it
                part.rename(folder / part.name)
    return folder
