"""Rows on their way into the data pool, without holding up the alerts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bytewax.outputs import FixedPartitionedSink

from connectors.address import Where
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_schema import Retention, apply_retention, migrate
from connectors.clickhouse_writer import (
    Connection,
    Pace,
    PoolWriter,
    Recounter,
    RowWriter,
    Versions,
    require_tables,
    state_of,
)
from connectors.metrics import Metrics
from connectors.spool import CLOSE_SECONDS, Bounds, Server, Spool
from connectors.spool_file import SpoolFile

SPOOL = "pool.journal"  # the file in the spool folder
ANSWER_SECONDS = 60  # that a statement of the sink may take before it is tried again


class PoolSink(FixedPartitionedSink[list[Poolable], bytes]):
    """Write events, matter links, revisions, late events and dead letters, and keep the aggregates exact.

    Parallel by: nothing, one partition for the cluster, because the versions of rows come from one counter.
    Rows are written by one background thread and aggregates recounted by another, each with a connection of
    its own; alerts that share the worker do not wait for them.
    Delivery: at least once; a row that comes again replaces itself. What the server has not taken when a
    snapshot is due goes to the `spool` folder; the hours whose aggregates are still to be recounted are in the
    snapshot, so a crash forgets none; until then an aggregate is at most `refresh_seconds` behind.
    On failure: tries again with growing, jittered pauses without end, while rows wait in memory, then on the
    disk, up to `spool_bytes`, then the flow waits. Without a folder it tries for `patience`, rows wait in memory,
    a snapshot waits for the server, and then the flow stops. What does not pass by itself stops it at once.
    """

    def __init__(
        self,
        dsn: Where,
        metrics: Metrics,
        *,
        database: str = "",
        pace: Pace | None = None,
        patience: timedelta = timedelta(seconds=60),
        now: Callable[[], float] = time.time,
        spool: Path | None = None,
        spool_bytes: int = 1_000_000_000,
        stop: threading.Event | None = None,
        migrates: bool = False,
    ) -> None:
        """`now` is asked only whether an hour is so old that its tokens have expired.

        `stop` is set when the flow is asked to end. With `migrates` the tables are brought up to date before the
        first row, for a server that is away when the flow starts.
        """
        self._migrates = migrates
        self._dsn = dsn
        self._metrics = metrics
        self._database = database
        self._pace = pace or Pace()
        self._patience = patience
        self._now = now
        self._spool = spool
        self._spool_bytes = spool_bytes
        self._stop = stop
        self._writer: PoolWriter | None = None

    def list_parts(self) -> list[str]:
        """One partition: one counter of versions."""
        return ["pool"]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | list[int] | None) -> PoolWriter:
        """Go on where the snapshot left off. Raises `JournalError` where its spool is gone or damaged.

        With a spool the connections are opened when they are needed; the server may be away.
        """
        state = state_of(resume_state)
        file = SpoolFile(self._spool / SPOOL, state.spool) if self._spool else None
        rows, aggregates, versions = self._connection(self._migrates), self._connection(), Versions()
        if file is None:
            require_tables(rows())
            aggregates()
        self._writer = PoolWriter(
            RowWriter(rows, versions, self._metrics),
            Recounter(aggregates, versions, self._metrics, self._now),
            self._pace,
            state.hours,
            lambda server: self._spooled(server, file),
            CLOSE_SECONDS if file else None,
        )
        return self._writer

    def wait_until_delivered(self) -> None:
        """Return when the pool has every row that was handed over so far: for who reads them there."""
        if self._writer is not None:
            self._writer.spool.flush()

    def is_away(self) -> bool:
        """Whether the pool did not take what was sent last, or has not answered yet since the start."""
        return self._writer is None or not self._writer.has_answered or self._writer.spool.is_away

    def deliver_waiting(self) -> None:
        """Deliver what an earlier life left in the spool, where there is no snapshot to go on from any more."""
        if self._spool and (self._spool / SPOOL).exists():
            writer = self.build_part("pool", "pool", None)
            writer.spool.flush()
            writer.snapshot()
            writer.close()

    def _spooled(self, server: Server[Poolable], file: SpoolFile | None) -> Spool[Poolable]:
        pace = self._pace
        memory = min(pace.max_rows, 2 * pace.batch_rows) if file else pace.max_rows
        bounds = Bounds(pace.batch_rows, pace.flush_seconds, memory, self._spool_bytes)
        patience = self._patience.total_seconds()
        return Spool(server, bounds, self._metrics, file=file, stop=self._stop, patience=patience)

    def _connection(self, migrates: bool = False) -> Connection:
        """Rows are tried again by the spool; only a flow without one waits here."""
        patience = timedelta(0) if self._spool else self._patience
        answer_seconds = ANSWER_SECONDS if self._spool else 300
        retried = self._metrics.flushes_retried.labels("pool")

        def opened() -> PoolClient:
            client = PoolClient.open(self._dsn, self._database, patience, retried.inc, answer_seconds)
            if migrates:
                migrate(client)
                apply_retention(client, Retention())
            return client

        return Connection(opened)
