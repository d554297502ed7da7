"""The start of a flow: its state taken up or set aside, its epoch, and what a rebuild has to go on from.

A rebuild reads the intake log from its oldest record on, under the rules of the first rule book in it: what was
published comes again, byte for byte, and readers know it. Where the log no longer begins at the beginning, what
came before is read from the data pool, nothing is said again that was published, and the feed counts on.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from bytewax.recovery import init_db_dir

from alerts import detection, linking, publishing
from alerts.model import from_us
from alerts.publishing import NOTHING_PUBLISHED, Published
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_published import generations_before, last_published
from connectors.kafka import INTAKE_LOG, log_bounds
from connectors.kafka_intake import last_arrivals
from connectors.kafka_positions import first_arrivals
from connectors.metrics import Metrics
from dataflows.installation import clock_of
from dataflows.log_replay import FirstBook, first_book
from dataflows.recovery import (
    JOURNALS,
    SNAPSHOTS,
    SPOOLS,
    Bounds,
    Snapshot,
    UnusableError,
    check_snapshots,
    check_spools,
    set_aside,
    snapshots_of,
)
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings, SettingsError
from dataflows.state_store import StateStore

VERSIONS = {
    "link": linking.STATE_VERSION,
    "detect": detection.STATE_VERSION,
    "publish": publishing.STATE_VERSION,
}

_log = logging.getLogger("anlan.state")


class Start(NamedTuple):
    """What a flow begins with."""

    is_rebuild: bool  # from the intake log, not from a snapshot
    log_until_us: int = 0  # the last arrival that stands in the log now, 0 where it is empty
    log_since_us: int = 0  # where the log is cut off at its beginning: what is older is not in it; else 0
    book: FirstBook | None = None  # what a rebuild begins with, where the log has a book
    published: Published = NOTHING_PUBLISHED  # what a rebuild must not say again


@contextlib.contextmanager
def state_folder(settings: Settings, lock: str = "lock") -> Iterator[Path]:
    """The folder of the state, made where it is missing and locked: two flows on one would ruin both.

    Of the processes that share a flow each has a `lock` of its own.
    """
    folder = Path(settings.state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / lock).open("w")
    except OSError as error:
        raise SettingsError(
            f"`state` must be a folder that can be written; got `{error.strerror}` ({folder})"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"`state` must belong to one flow; got a folder that another one runs on ({folder})"
            ) from None
        yield folder


def take_up(folder: Path, settings: Settings) -> Start:
    """Look at the last snapshot and set it aside if nothing can go on from it; what the flow begins with."""
    bounds = log_bounds(kafka_of(settings), INTAKE_LOG)
    until_us = max(last_arrivals(kafka_of(settings), INTAKE_LOG, len(bounds)).values(), default=0)
    has_begun = until_us > 0 or any(low for low, _ in bounds.values())  # also where nothing of it is left
    is_rebuild = not _is_usable(folder, bounds) and has_begun
    snapshots = folder / SNAPSHOTS
    if not any(snapshots.glob("part-*")):  # nor where a start was killed between these two
        snapshots.mkdir(exist_ok=True)
        init_db_dir(snapshots, 1)
    return _rebuild(settings, bounds, until_us) if is_rebuild else Start(False, until_us)


def _is_usable(folder: Path, bounds: Bounds) -> bool:
    """Whether there is a snapshot to go on from; one that cannot be used is set aside."""
    try:
        return bool(usable_snapshots(folder, bounds))
    except UnusableError as reason:
        _log.error("snapshot_set_aside folder=%s reason: %s", set_aside(folder), reason)
        return False


def usable_snapshots(folder: Path, bounds: Bounds) -> list[Snapshot]:
    """What a flow goes on from in a folder of state. Raises `UnusableError` for the first reason why it could not."""
    found = snapshots_of(folder / SNAPSHOTS)
    check_snapshots(found, StateStore(folder / JOURNALS), VERSIONS, bounds)
    check_spools(found, folder / SPOOLS)
    return found


def _rebuild(settings: Settings, bounds: Bounds, until_us: int) -> Start:
    records = sum(high - low for low, high in bounds.values())
    book = first_book(kafka_of(settings), INTAKE_LOG)
    if all(low == 0 for low, _ in bounds.values()):
        _log.warning("rebuild_began from=intake_log records=%d", records)
        return Start(True, until_us, book=book)
    # where nothing of the log is left, all that is known is history
    since_us = max(first_arrivals(kafka_of(settings), INTAKE_LOG, len(bounds)).values()) or clock_of(settings)()
    PoolSink(pool_of(settings), Metrics(), spool=Path(settings.state) / SPOOLS).deliver_waiting()
    with Pool(pool_of(settings)) as pool:
        published, generations = last_published(pool), generations_before(pool, since_us)
    if book is not None:
        rules = msgspec.structs.replace(book.rules, generations={**book.rules.generations, **generations})
        book = book._replace(rules=rules)
    _log.warning(
        "rebuild_began from=pool_and_intake_log records=%d log_since=%s", records, from_us(since_us).isoformat()
    )
    return Start(True, until_us, since_us, book, published)


def epoch_file(state: Path) -> Path:
    """Where the last epoch of a flow stands; it is there from its first start on."""
    return state / "engine-epoch"


def next_epoch(state: Path, seen: int) -> int:
    """One more than at the last start: it fences what an earlier life of the flow may still write.

    `seen` is the greatest epoch that readers have seen: a folder that is lost, or put back as it was long ago, does
    not know it.
    """
    path = epoch_file(state)
    try:
        known = int(path.read_text())
    except (FileNotFoundError, ValueError):
        known = 0
    if 0 < known < seen:
        _log.warning("epoch_behind state=%d seen=%d; the folder was put back, or another flow writes", known, seen)
    epoch = max(known, seen) + 1
    path.with_suffix(".new").write_text(str(epoch))
    path.with_suffix(".new").rename(path)
    return epoch
