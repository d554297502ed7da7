"""Asking the data pool, and looking after its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import msgspec

from alerts.model import Arrival, DeadLetter, Event, PooledEvent, to_us
from connectors.address import Where
from connectors.clickhouse_aggregates import differing_cells
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_copy import SavedPart, load_table, save_tables
from connectors.clickhouse_events import arrivals_between, events_between, events_of_matters, first_and_last_arrival
from connectors.clickhouse_schema import (
    Limit,
    Retention,
    SchemaLook,
    apply_retention,
    look_at_schema,
    migrate,
    overdue,
    row_seconds,
)


class Pool:
    """Ask the pool, and look after its tables; close it when done.

    On failure: a server that does not answer is tried again for `patience`, then the error is raised.
    """

    def __init__(self, dsn: Where, database: str = "", patience: timedelta = timedelta(seconds=10)) -> None:
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

    def save(self, folder: Path) -> Iterator[SavedPart]:
        """Write the rows of all tables as files into a new folder."""
        return save_tables(self._client, folder)

    def load(self, table: str, file: Path) -> None:
        """Put the rows of a file that `save` wrote back into their table."""
        load_table(self._client, table, file)

    def schema(self) -> SchemaLook:
        """What a migration would do."""
        return look_at_schema(self._client)

    def overdue(self, grace: timedelta) -> list[tuple[Limit, int]]:
        """What should have gone, and is still there `grace` later, with the number of rows."""
        return list(overdue(self._client, Retention(), grace))

    def row_seconds(self, table: str) -> int | None:
        """For how long the rows of a table are kept; `None` is for ever."""
        return row_seconds(self._client, table)

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """What a query answers; `{name:Type}` in it are bound parameters."""
        return self._client.rows(query, **parameters)

    def greatest_epoch(self) -> int:
        """The greatest engine epoch of any revision; 0 where there is none."""
        if not self._client.value("EXISTS TABLE alert_revisions"):
            return 0
        return int(self._client.value("SELECT max(engine_epoch) FROM alert_revisions"))

    def count_events(self) -> int:
        """How many events there are, each once."""
        return int(self._client.value("SELECT count() FROM events FINAL"))

    def events(self, channels: Sequence[str], since: int, before: int) -> Iterator[Event]:
        """Events of some channels that happened from `since` on and arrived before `before` (microseconds).

        In no order, each in the matter that it was joined to at last.
        """
        return events_between(self._client, channels, since, before)

    def of_matters(self, matters: Sequence[str], before: int) -> Iterator[PooledEvent]:
        """The events that belonged to some matters just before a clock instant, whatever was decided since."""
        self._require_tables()
        return events_of_matters(self._client, matters, before)

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

    def has_tables(self) -> bool:
        """Whether this pool was ever brought up."""
        return bool(self._client.value("EXISTS TABLE events"))

    def _require_tables(self) -> None:
        if not self.has_tables():
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
