"""A copy of the state of a flow, which may run meanwhile: one that a flow could go on from."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from alerts.kept import merge
from connectors.clickhouse import SPOOL as POOL_SPOOL
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_spool import decode_rows
from connectors.clickhouse_writer import state_of
from connectors.log_order import LogPosition
from connectors.names import NAMES
from connectors.spool_file import bodies
from dataflows.recovery import (
    JOURNALS,
    KEPT_STEPS,
    SNAPSHOTS,
    SPOOLS,
    Bounds,
    Snapshot,
    UnusableError,
    snapshots_of,
    source_states,
)
from dataflows.start import usable_snapshots
from dataflows.state_store import StateStore

TRIES = 5  # a flow that saves while it is copied may leave a copy that does not fit together
_DATABASES = (f"{SNAPSHOTS}/part-*.sqlite3", f"{JOURNALS}/*.journal", f"{SPOOLS}/*.journal", NAMES)  # in this order
_MARKS = f"{SPOOLS}/*.taken"


class Kept(NamedTuple):
    """The stages as a state has them, the place in the log where they stood, and what was not in the pool yet."""

    position: LogPosition
    link: bytes
    shards: Sequence[bytes]
    publish: bytes
    waiting: Sequence[Poolable]  # rows that the pool had not taken
    hours: Sequence[int]  # whose aggregates were to be recounted

    @property
    def frames(self) -> list[bytes]:
        """One for each stage, in the order of the stages."""
        return [self.link, *self.shards, self.publish]


def copy_state(folder: Path, to: Path, bounds: Bounds) -> LogPosition:
    """Copy a state into a new folder; the place in the log where it stood. Raises `UnusableError`."""
    for is_last in (*[False] * (TRIES - 1), True):
        _copy(folder, to)
        try:
            return _position(usable_snapshots(to, bounds), folder)
        except UnusableError:
            if is_last:
                raise
            shutil.rmtree(to)
    raise AssertionError("the last try returns or raises")


def _copy(folder: Path, to: Path) -> None:
    to.mkdir()
    for pattern in _DATABASES:
        for file in sorted(folder.glob(pattern)):
            copy = to / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                _copy_database(file, copy)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:  # it is damaged: who looks at the copy says so, where it is needed
                shutil.copyfile(file, copy)
    for file in folder.glob(_MARKS):
        shutil.copyfile(file, to / file.relative_to(folder))


def _copy_database(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without those beside it


def _position(found: Sequence[Snapshot], folder: Path) -> LogPosition:
    if not {each.step for each in found}.issuperset(KEPT_STEPS):
        raise UnusableError(f"a state must hold what a flow has seen; got none yet ({folder})")
    clock_us, offsets = source_states(found)["log"]
    return clock_us, dict(offsets)


def read_state(folder: Path) -> Kept:
    """The stages of a copy, which stays as it is. Raises `UnusableError` and `JournalError`."""
    with tempfile.TemporaryDirectory() as elsewhere:  # to open a journal is to write to its file
        return _read(Path(shutil.copytree(folder, elsewhere, dirs_exist_ok=True)))


def _read(folder: Path) -> Kept:
    found = snapshots_of(folder / SNAPSHOTS)
    store = StateStore(folder / JOURNALS)
    frames = {(each.step, each.key): merge(list(store.frames(each.state))) for each in found if each.step in KEPT_STEPS}
    by_step = {step: [body for (of, _), body in sorted(frames.items()) if of == step] for step in KEPT_STEPS}
    (link,), (publish,) = by_step["link"], by_step["publish"]
    pool = state_of(next((each.state for each in found if each.step == "pool"), None))
    waiting = [row for body in bodies(folder / SPOOLS / POOL_SPOOL, pool.spool) for row in decode_rows(body)]
    return Kept(_position(found, folder), link, by_step["detect"], publish, waiting, pool.hours)
