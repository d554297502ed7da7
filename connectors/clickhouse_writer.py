"""The running half of the pool's sink: rows and recounts on threads of their own, state on the worker's.

A flush takes 10 to 30 ms and a recount more; alerts that share the worker must not wait for them.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from bytewax.outputs import StatefulSinkPartition

from alerts.model import PooledEvent
from connectors.clickhouse_aggregates import day_of, days_with_cells, greatest_version, hour_of, recount
from connectors.clickhouse_client import PoolClient, is_transient
from connectors.clickhouse_rows import Poolable, columns_of, table_of
from connectors.clickhouse_schema import token_seconds
from connectors.clickhouse_spool import decode_rows, encode_rows
from connectors.giving_way import give_way
from connectors.journal import JournalError
from connectors.metrics import Metrics
from connectors.spool import Server, Spool
from connectors.spool_file import REMEDY

STATE_VERSION = 1


@dataclass(frozen=True)
class Pace:
    """When a sink writes. A server likes few and large inserts: about one a second for each table."""

    batch_rows: int = 10_000  # this many rows go out at once …
    flush_seconds: float = 1.0  # … fewer after this long
    max_rows: int = 100_000  # rows that may wait in memory
    refresh_seconds: float = 5.0  # between two recounts of the touched aggregates


class PoolState(NamedTuple):
    """What the engine keeps of the sink."""

    version: int
    hours: list[int]  # whose aggregates are still to be recounted
    spool: bytes | None  # what waits in the spool


def state_of(saved: bytes | list[int] | None) -> PoolState:
    """Read what the engine kept; a list of hours is what older releases did. Raises `JournalError`."""
    if saved is None or isinstance(saved, list):
        return PoolState(STATE_VERSION, saved or [], None)
    try:
        state = msgspec.msgpack.decode(saved, type=PoolState)
    except msgspec.MsgspecError as error:
        raise JournalError(f"state of the pool's sink must be readable; got {error}; {REMEDY}") from None
    if state.version != STATE_VERSION:
        raise JournalError(f"state of the pool's sink must have version {STATE_VERSION}; got {state.version}; {REMEDY}")
    return state


class PoolWriter(StatefulSinkPartition[list[Poolable], bytes]):
    """The running half of `PoolSink`."""

    def __init__(
        self,
        rows: RowWriter,
        aggregates: Recounter,
        pace: Pace,
        touched: Iterable[int],
        spool: Callable[[Server[Poolable]], Spool[Poolable]],
        close_seconds: float | None,
    ) -> None:
        """`touched` are the hours that a snapshot left to be recounted; `close_seconds` bound an orderly end."""
        self._rows = rows
        self.recounting = Recounting(aggregates, pace.refresh_seconds, touched, close_seconds is not None)
        self.has_answered = False  # in this life
        self._many = pace.batch_rows // 4
        self.spool = spool(Server("pool", self._deliver, is_transient, encode_rows, decode_rows, self._greet))
        self._close_seconds = close_seconds

    def _greet(self) -> None:
        self._rows.open()
        self.has_answered = True

    def _deliver(self, items: list[Poolable]) -> None:
        # pieces cost more in all: where there is much to do, there is nothing to spare
        pause = give_way if len(items) < self._many else None
        self.recounting.touch(self._rows.write(items, pause))

    def write_batch(self, values: list[list[Poolable]]) -> None:
        """Take rows; they are written in the background, and only a full spool makes the flow wait."""
        self.recounting.check()
        for items in values:
            self.spool.put(items)

    def snapshot(self) -> bytes:
        """What waits in the spool, and the hours still to be recounted."""
        self.recounting.check()
        waiting = self.spool.snapshot()  # first: rows that are delivered from here on touch their hours once more
        return msgspec.msgpack.encode(PoolState(STATE_VERSION, self.recounting.hours(), waiting))

    def close(self) -> None:
        """Write and recount what can be in a short time, and close both connections."""
        try:
            if self.spool.close():
                self._rows.close()
        finally:
            self.recounting.close(self._close_seconds)


class Recounting:
    """Recounts touched hours on a thread of its own, now and then; what fails for the moment is tried again."""

    def __init__(self, recounter: Recounter, every_seconds: float, touched: Iterable[int], tries_again: bool) -> None:
        """With `tries_again` it waits without end for a server that is away; else any error is final."""
        self._recounter = recounter
        self._tries_again = tries_again
        self._every_seconds = every_seconds
        self._touched = set(touched)
        self._under_way: set[int] = set()
        self._changed = threading.Condition()
        self._last = False  # whether it is the last recount: what is left then is in the snapshot
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="pool-aggregates", daemon=True)
        self._thread.start()

    def touch(self, hours: set[int]) -> None:
        """These hours must be counted again."""
        if hours:
            with self._changed:
                self._touched |= hours
                self._changed.notify_all()

    def hours(self) -> list[int]:
        """The hours that are still to be recounted."""
        with self._changed:
            return sorted(self._touched | self._under_way)

    def check(self) -> None:
        """Raise what stopped it."""
        if self._error is not None:
            raise RuntimeError(
                f"pool must take its aggregates; got `{self._error}`; mend it and start again, the last epoch is kept"
            ) from self._error

    def close(self, seconds: float | None) -> None:
        """Recount once more and end, at the latest after so many seconds."""
        with self._changed:
            self._last = True
            self._changed.notify_all()
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self._recounter.close()
        self.check()

    def abandon(self) -> None:
        """End at once; what was not recounted is lost, as in a crash."""
        with self._changed:
            self._touched.clear()
        with contextlib.suppress(RuntimeError):
            self.close(None)

    def _run(self) -> None:
        started_at = time.monotonic()
        while self._wait(started_at):
            started_at = time.monotonic()
            try:
                self._recounter.refresh(self._under_way)
            except BaseException as error:
                if not self._tries_again or not is_transient(error):
                    self._error = error
                if self._last or self._error:
                    return
                self.touch(self._under_way)
            self._under_way = set()

    def _wait(self, started_at: float) -> bool:
        """Wait until a recount is due and take its hours; whether there is something to do."""
        with self._changed:
            while not self._last and (pause := self._pause(started_at)) != 0:
                self._changed.wait(pause)
            self._under_way, self._touched = self._touched, set()
            return bool(self._under_way)

    def _pause(self, started_at: float) -> float | None:
        if not self._touched:
            return None
        return max(0.0, started_at + self._every_seconds - time.monotonic())


class Versions:
    """Numbers for the versions of rows, each greater than any in the pool; threads may share them."""

    def __init__(self) -> None:
        self._counter: itertools.count[int] | None = None
        self._lock = threading.Lock()

    def take(self, client: PoolClient, count: int = 1) -> tuple[int, ...]:
        """The next ones; the pool is asked for its greatest before the first."""
        with self._lock:
            if self._counter is None:
                require_tables(client)
                self._counter = itertools.count(greatest_version(client) + 1)
            return tuple(itertools.islice(self._counter, count))


def require_tables(client: PoolClient) -> None:
    """Raise `ValueError` where the pool has no tables."""
    if not client.value("EXISTS TABLE agg_contacts_daily"):
        database = client.value("SELECT currentDatabase()")
        raise ValueError(
            f"pool must have its tables before a flow writes to it; got none in database `{database}`;"
            " run `Pool.migrate()` first"
        )


class Connection:
    """A connection that is opened when it is needed first: the server may be away when the flow starts."""

    def __init__(self, open_client: Callable[[], PoolClient]) -> None:
        self._open = open_client
        self._client: PoolClient | None = None

    def __call__(self) -> PoolClient:
        """The client; raises what opening it raises."""
        if self._client is None:
            self._client = self._open()
        return self._client

    def close(self) -> None:
        """Close it if it was opened."""
        if self._client is not None:
            self._client.close()


class RowWriter:
    """Sort items to their tables and insert them; which hours that touched."""

    def __init__(self, connection: Connection, versions: Versions, metrics: Metrics) -> None:
        self._connection = connection
        self._versions = versions
        self._metrics = metrics
        self.open: Callable[[], object] = connection
        self.close = connection.close

    def write(self, items: list[Poolable], pause: Callable[[], None] | None = None) -> set[int]:
        """Insert the rows of all tables; of two rows of one event the one that is written later stays.

        With `pause` it is called between pieces of the work.

        A restart writes again from a snapshot on, in the old order. Until it comes to a correction that was there
        before, an event shows what it was before it; at the end every row is as if it had been written once.
        """
        tables: dict[str, list[Poolable]] = defaultdict(list)
        for item in items:
            tables[table_of(item)].append(item)
        with self._metrics.flush_seconds.labels("pool").time():
            for table, rows in tables.items():
                self._insert(table, rows, pause)
        events = [item for item in items if isinstance(item, PooledEvent)]
        for channel, count in Counter(pooled.event.channel for pooled in events).items():
            self._metrics.events_pooled.labels(channel).inc(count)
        return {hour_of(pooled.event.occurred_at) for pooled in events}

    def _insert(self, table: str, items: list[Poolable], pause: Callable[[], None] | None) -> None:
        client = self._connection()
        names, columns = columns_of(items, pause)
        if table == "events":
            names, columns = (*names, "version"), [*columns, self._versions.take(client, len(items))]
        client.insert(table, names, columns, pause)
        self._metrics.rows_written.labels("pool", table).inc(len(items))


class Recounter:
    """Recount touched hours, except those so old that reporters who were counted cannot be told apart any more."""

    def __init__(self, connection: Connection, versions: Versions, metrics: Metrics, now: Callable[[], float]) -> None:
        self._connection = connection
        self._versions = versions
        self._metrics = metrics
        self._now = now
        self._tokens_kept: float | None = None  # seconds, once the pool was asked
        self._counted: dict[int, bool] = {}  # whether an old day had cells when this life came to it first
        self.close = connection.close

    def refresh(self, hours: set[int]) -> None:
        """Make the aggregates of these hours equal a recount of the events."""
        client = self._connection()
        closed = self._closed(client, hours)
        open_hours = hours - closed
        if closed:
            self._metrics.rows_skipped.labels("pool", "closed_hour").inc(len(closed))
        with self._metrics.recount_seconds.time():
            recount(client, open_hours, *self._versions.take(client))
        self._metrics.hours_recounted.inc(len(open_hours))

    def _closed(self, client: PoolClient, hours: set[int]) -> set[int]:
        """Those whose reporters could be told apart when they were counted and cannot be any more.

        An old day without cells is open until this life ends: there is nothing to lose.
        """
        oldest = self._oldest(client)
        old = {hour for hour in hours if hour < oldest}
        if unknown := set(map(day_of, old)) - self._counted.keys():
            counted = days_with_cells(client, unknown)
            self._counted |= {day: day in counted for day in unknown}
        return {hour for hour in old if self._counted[day_of(hour)]}

    def _oldest(self, client: PoolClient) -> float:
        """The oldest hour whose reporters can still be told apart."""
        if self._tokens_kept is None:
            seconds = token_seconds(client)
            self._tokens_kept = math.inf if seconds is None else seconds
        return (self._now() - self._tokens_kept) / 3600
