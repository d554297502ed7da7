"""The data pool in ClickHouse: rows go in without holding up the alerts; every aggregate can be recounted.

`PoolSink` writes, `Pool` asks. The tables are in `connectors/schema/`; `docs/pool.md` says what they answer.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

import msgspec
from bytewax.outputs import FixedPartitionedSink

from alerts.model import Arrival, DeadLetter, Event, to_us
from connectors.clickhouse_aggregates import differing_cells, greatest_version
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_events import arrivals_between, events_between, first_and_last_arrival
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_schema import Retention, apply_retention, migrate
from connectors.clickhouse_writer import Pace, PoolWriter, Recounter, RowWriter
from connectors.metrics import Metrics


class PoolSink(FixedPartitionedSink[list[Poolable], list[int]]):
    """Write events, matter links, revisions, late events and dead letters, and keep the aggregates exact.

    Parallel by: nothing, one partition for the cluster, because the versions of rows come from one counter.
    Rows are written by one background thread and aggregates recounted by another, each with a connection of
    its own; alerts that share the worker do not wait for them.
    Delivery: at least once; a row that comes again replaces itself, and a snapshot waits until every row
    handed over is in the pool. The hours whose aggregates are still to be recounted are the snapshot, so a
    crash forgets none; until then an aggregate is at most `refresh_seconds` behind.
    On failure: tries again with growing, jittered pauses for `patience` while rows wait in memory, up to
    `max_rows` or the next snapshot, where the flow waits too; then stops the flow.
    """

    def __init__(
        self,
        dsn: str,
        metrics: Metrics,
        *,
        database: str = "",
        pace: Pace | None = None,
        patience: timedelta = timedelta(seconds=60),
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` is asked only whether an hour is so old that its tokens have expired."""
        self._dsn = dsn
        self._metrics = metrics
        self._database = database
        self._pace = pace or Pace()
        self._patience = patience
        self._now = now

    def list_parts(self) -> list[str]:
        """One partition: one counter of versions."""
        return ["pool"]

    def build_part(self, step_id: str, for_part: str, resume_state: list[int] | None) -> PoolWriter:
        """Open both connections; `resume_state` are the hours whose recount was still to come."""
        rows, aggregates = self._open(), self._open()
        _require_tables(rows)
        versions = itertools.count(greatest_version(rows) + 1)
        return PoolWriter(
            RowWriter(rows, versions, self._metrics),
            Recounter(aggregates, versions, self._metrics, self._now),
            self._pace,
            self._metrics,
            resume_state or [],
        )

    def _open(self) -> PoolClient:
        retried = self._metrics.flushes_retried.labels("pool")
        return PoolClient.open(self._dsn, self._database, self._patience, retried.inc)


class Pool:
    """Ask the pool, and look after its tables; close it when done.

    On failure: a server that does not answer is tried again for `patience`, then the error is raised.
    """

    def __init__(self, dsn: str, database: str = "", patience: timedelta = timedelta(seconds=10)) -> None:
        self._client = PoolClient.open(dsn, database, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def migrate(self, retention: Retention | None = None) -> list[str]:
        """Bring the tables up to date and set how long data stays; the schema files that were run."""
        applied = migrate(self._client)
        apply_retention(self._client, retention or Retention())
        return applied

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """What a query answers; `{name:Type}` in it are bound parameters."""
        return self._client.rows(query, **parameters)

    def count_events(self) -> int:
        """How many events there are, each once."""
        return int(self._client.value("SELECT count() FROM events FINAL"))

    def events(self, channels: Sequence[str], since: int, before: int) -> Iterator[Event]:
        """Events of some channels that happened from `since` on and arrived before `before` (microseconds).

        In no order, each in the matter that it was joined to at last.
        """
        return events_between(self._client, channels, since, before)

    def arrivals(self, since: int | None = None, until: int | None = None) -> Iterator[Arrival]:
        """Every event once, in order of arrival, from `since` on and before `until` (microseconds).

        Each is in the matter that it was joined to at last. Read a day of arrivals at a time, or a part of a
        busy day. There are no heartbeats in the pool.
        """
        self._require_tables()
        return arrivals_between(self._client, since, until)

    def arrived(self, since: int | None = None, until: int | None = None) -> tuple[int, int] | None:
        """When the first and the last of these events arrived; None if there are none."""
        self._require_tables()
        return first_and_last_arrival(self._client, since, until)

    def _require_tables(self) -> None:
        if not self._client.value("EXISTS TABLE events"):
            database = self._client.value("SELECT currentDatabase()")
            raise ValueError(
                f"pool must have its tables before it is read; got none in database `{database}`;"
                " name the database in the address, or fill it with `anlan run` or `anlan replay --pool`"
            )

    def recount_check(self, limit: int = 100) -> list[dict[str, Any]]:
        """Cells that differ from an independent recount; none once the sink has refreshed.

        `side` says whether the row is what the aggregate holds or what the recount finds. Hours whose tokens
        have expired keep their cells and would differ; ask before they do.
        """
        return differing_cells(self._client, limit)

    def timeline(self, matter: str) -> list[dict[str, Any]]:
        """The life of a matter step by step: reports of all channels, handling, return visits."""
        return self.rows(
            "SELECT * FROM v_matter_timeline WHERE matter = {matter:String} ORDER BY occurred_at, event_id",
            matter=matter,
        )

    def alerts(self, state: str = "", county: str = "", limit: int = 100) -> list[dict[str, Any]]:
        """The last revision of each alert, latest first; '' asks for all."""
        return self._client.rows(
            """
            SELECT * FROM alerts
            WHERE ({state:String} = '' OR state = {state:String})
                AND ({county:String} = '' OR county = {county:String})
            ORDER BY detected_at DESC, alert_id
            LIMIT {limit:UInt32}""",
            state=state,
            county=county,
            limit=limit,
        )

    def dead_letters(self, status: str = "open", reason: str = "", limit: int = 100) -> list[DeadLetter]:
        """Dead letters by what people said of them (`open`: nothing yet), the latest first."""
        rows = self._client.rows(
            """
            SELECT letter.*
            FROM (SELECT * FROM dead_letters FINAL) AS letter
            LEFT JOIN (SELECT id, status FROM dead_letter_marks FINAL) AS mark ON mark.id = letter.id
            WHERE if(mark.status = '', 'open', mark.status) = {status:String}
                AND ({reason:String} = '' OR letter.reason = {reason:String})
            ORDER BY letter.failed_at DESC, letter.id
            LIMIT {limit:UInt32}""",
            status=status,
            reason=reason,
            limit=limit,
        )
        return [msgspec.convert(row, DeadLetter) for row in rows]

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """One dead letter, whatever its status; `None` if there is no such id."""
        rows = self._client.rows("SELECT * FROM dead_letters FINAL WHERE id = {id:String}", id=letter_id)
        return msgspec.convert(rows[0], DeadLetter) if rows else None

    def mark_dead_letters(self, ids: Iterable[str], status: str, note: str, at: datetime) -> None:
        """Say that dead letters are `replayed`, `given_up` or `open` again; the last word counts."""
        rows = [(letter_id, status, note, to_us(at)) for letter_id in ids]
        if rows:
            names = ("id", "status", "note", "marked_at")
            self._client.insert("dead_letter_marks", names, list(zip(*rows, strict=True)))


def _require_tables(client: PoolClient) -> None:
    if not client.value("EXISTS TABLE agg_contacts_daily"):
        database = client.value("SELECT currentDatabase()")
        raise ValueError(
            f"pool must have its tables before a flow writes to it; got none in database `{database}`;"
            " run `Pool.migrate()` first"
        )
