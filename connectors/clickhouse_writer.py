"""The running half of the pool's sink: rows and recounts on threads of their own, state on the worker's.

A flush takes 10 to 30 ms and a recount more; alerts that share the worker must not wait for them.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from bytewax.outputs import StatefulSinkPartition

from alerts.model import PooledEvent
from connectors.clickhouse_aggregates import hour_of, recount
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_rows import Poolable, columns_of, table_of
from connectors.clickhouse_schema import token_seconds
from connectors.metrics import Metrics

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Pace:
    """When a sink writes. A server likes few and large inserts: about one a second for each table."""

    batch_rows: int = 10_000  # this many rows go out at once …
    flush_seconds: float = 1.0  # … fewer after this long
    max_rows: int = 100_000  # rows that may wait before the flow has to
    refresh_seconds: float = 5.0  # between two recounts of the touched aggregates


class PoolWriter(StatefulSinkPartition[list[Poolable], list[int]]):
    """The running half of `PoolSink`. All its own state belongs to the worker's thread."""

    def __init__(
        self,
        rows: RowWriter,
        aggregates: Recounter,
        pace: Pace,
        metrics: Metrics,
        touched: Iterable[int],
    ) -> None:
        """`touched` are the hours that a snapshot left to be recounted."""
        self._pace = pace
        self._waiting: list[Poolable] = []
        self._buffered = metrics.rows_buffered.labels("pool")
        self._touched = set(touched)
        self._rows = _Background("rows", rows.write, rows.close)
        self._aggregates = _Background("aggregates", aggregates.refresh, aggregates.close)

    def write_batch(self, values: list[list[Poolable]]) -> None:
        """Take rows; they are written in the background, and only a full buffer makes the flow wait."""
        for items in values:
            self._waiting += items
        self._collect()
        if len(self._waiting) >= self._pace.max_rows:
            self._touched |= self._rows.wait() or set()
        if len(self._waiting) >= self._pace.batch_rows or self._rows.idle_for(self._pace.flush_seconds):
            self._flush()
        if self._aggregates.idle_for(self._pace.refresh_seconds):
            self._refresh()
        self._buffered.set(len(self._waiting))

    def snapshot(self) -> list[int]:
        """Wait until every row is in the pool; the hours still to be recounted."""
        self._write_all()
        if self._aggregates.idle_for(self._pace.refresh_seconds):
            self._refresh()
        return sorted(self._touched | (self._aggregates.work or set()))

    def close(self) -> None:
        """Write and recount what is left, and close both connections."""
        self._write_all()
        self._aggregates.wait()
        self._refresh()
        self._aggregates.wait()
        self._rows.stop()
        self._aggregates.stop()

    def _write_all(self) -> None:
        self._touched |= self._rows.wait() or set()
        self._flush()
        self._touched |= self._rows.wait() or set()
        self._buffered.set(0)

    def _collect(self) -> None:
        self._touched |= self._rows.result() or set()
        self._aggregates.result()

    def _flush(self) -> None:
        if self._waiting and self._rows.is_idle():
            self._rows.start(self._waiting)
            self._waiting = []

    def _refresh(self) -> None:
        if self._touched and self._aggregates.is_idle():
            self._aggregates.start(self._touched)
            self._touched = set()


class _Background(Generic[Work, Result]):
    """One piece of work at a time on one thread; its error is raised to whoever asks next."""

    def __init__(self, name: str, do: Callable[[Work], Result], close: Callable[[], None]) -> None:
        self._name = name
        self._do = do
        self._close = close
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"pool-{name}")
        self._future: Future[Result] | None = None
        self._started_at = time.monotonic()
        self.work: Work | None = None  # what is being done, or was done and not yet asked for

    def is_idle(self) -> bool:
        """Whether the last work is done and its result was taken."""
        return self._future is None

    def idle_for(self, seconds: float) -> bool:
        """Whether it is idle, and so long after the last start."""
        return self._future is None and time.monotonic() - self._started_at >= seconds

    def start(self, work: Work) -> None:
        """Begin; only when idle."""
        self.work = work
        self._started_at = time.monotonic()
        self._future = self._thread.submit(self._do, work)

    def result(self) -> Result | None:
        """The result if it is there, once; its error is raised."""
        return self.wait() if self._future and self._future.done() else None

    def wait(self) -> Result | None:
        """Wait for the result if there is work."""
        if self._future is None:
            return None
        try:
            answer = self._future.result()
        except Exception as error:
            raise RuntimeError(
                f"pool must take its {self._name}; got `{error}`; mend it and start again, the last epoch is kept"
            ) from error
        self._future = self.work = None
        return answer

    def stop(self) -> None:
        """End the thread and close its connection."""
        self._thread.shutdown()
        self._close()


class RowWriter:
    """Sort items to their tables and insert them; which hours that touched."""

    def __init__(self, client: PoolClient, versions: itertools.count[int], metrics: Metrics) -> None:
        self._client = client
        self._versions = versions
        self._metrics = metrics
        self.close = client.close

    def write(self, items: list[Poolable]) -> set[int]:
        """Insert the rows of all tables; of two rows of one event the later in the list stays."""
        tables: dict[str, list[Poolable]] = defaultdict(list)
        for item in items:
            tables[table_of(item)].append(item)
        with self._metrics.flush_seconds.labels("pool").time():
            for table, rows in tables.items():
                self._insert(table, rows)
        events = [item for item in items if isinstance(item, PooledEvent)]
        for pooled in events:
            self._metrics.events_pooled.labels(pooled.event.channel).inc()
        return {hour_of(pooled.event.occurred_at) for pooled in events}

    def _insert(self, table: str, items: list[Poolable]) -> None:
        names, columns = columns_of(items)
        if table == "events":
            names, columns = (
                (*names, "version"),
                [*columns, tuple(itertools.islice(self._versions, len(items)))],
            )
        self._client.insert(table, names, columns)
        self._metrics.rows_written.labels("pool", table).inc(len(items))


class Recounter:
    """Recount touched hours, except those so old that their reporters cannot be told apart any more."""

    def __init__(
        self, client: PoolClient, versions: itertools.count[int], metrics: Metrics, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._versions = versions
        self._metrics = metrics
        self._now = now
        self._tokens_kept = token_seconds(client)
        self.close = client.close

    def refresh(self, hours: set[int]) -> None:
        """Make the aggregates of these hours equal a recount of the events."""
        oldest = 0.0 if self._tokens_kept is None else (self._now() - self._tokens_kept) / 3600
        open_hours = {hour for hour in hours if hour >= oldest}
        if closed := len(hours) - len(open_hours):
            self._metrics.rows_skipped.labels("pool", "closed_hour").inc(closed)
        with self._metrics.recount_seconds.time():
            recount(self._client, open_hours, next(self._versions))
        self._metrics.hours_recounted.inc(len(open_hours))
