"""Bring the pool's tables up to date, and keep people's data no longer than it may be kept.

Schema files are numbered and run once each, in order; `schema_migrations` remembers which. Every statement
can be run again, so a migration that was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import NamedTuple

from connectors.clickhouse_client import PoolClient

_REMEMBER = """
-- One row is one schema file that was run. The order key answers "which version is this pool".
CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32,
    name String,
    sha256 String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY number
"""


@dataclass(frozen=True)
class Retention:
    """How long each class of data stays, counted from its arrival; `None` is for ever. Aggregates stay.

    Words go first, then the tokens that stand for people, then the events. Tokens must stay for as long as
    the longest window of a rule, because a rule is warmed up from the pool.
    """

    text: timedelta | None = timedelta(days=90)
    tokens: timedelta | None = timedelta(days=400)
    events: timedelta | None = timedelta(days=1100)
    alerts: timedelta | None = timedelta(days=1100)
    dead_letters: timedelta | None = timedelta(days=30)


FOR_EVER = Retention(text=None, tokens=None, events=None, alerts=None, dead_letters=None)


class SchemaFile(NamedTuple):
    """One numbered file and its statements."""

    number: int
    name: str
    sha256: str
    statements: list[str]


def schema_files() -> Iterator[SchemaFile]:
    """The files that ship with the product, in order."""
    folder = files("connectors").joinpath("schema")
    for path in sorted((p for p in folder.iterdir() if p.name.endswith(".sql")), key=lambda p: p.name):
        text = path.read_text(encoding="utf-8")
        statements = [part.strip() for part in f"{text}\n".split(";\n") if part.strip()]
        digest = hashlib.sha256(text.encode()).hexdigest()
        yield SchemaFile(int(path.name.split("_")[0]), path.name, digest, statements)


class SchemaLook(NamedTuple):
    """How a pool stands to the schema files of this release, by name; of `unknown` ones the names that were kept."""

    pending: list[str]  # not run yet
    changed: list[str]  # run with another content
    unknown: list[str]  # run by a later release


def look_at_schema(client: PoolClient) -> SchemaLook:
    """What a migration would do. Changes nothing."""
    if not client.value("EXISTS TABLE schema_migrations"):
        return SchemaLook([file.name for file in schema_files()], [], [])
    applied = {row["number"]: row for row in client.rows("SELECT * FROM schema_migrations FINAL")}
    ours = {file.number: file for file in schema_files()}
    return SchemaLook(
        [file.name for file in ours.values() if file.number not in applied],
        [
            file.name
            for file in ours.values()
            if file.number in applied and applied[file.number]["sha256"] != file.sha256
        ],
        [row["name"] for number, row in sorted(applied.items()) if number not in ours],
    )


def migrate(client: PoolClient) -> list[str]:
    """Run the schema files that this pool has not seen; their names. Running it again changes nothing."""
    client.execute(_REMEMBER)
    applied = {row["number"]: row for row in client.rows("SELECT * FROM schema_migrations FINAL")}
    return [file.name for file in schema_files() if not _was_applied(file, applied) and _apply(client, file)]


def _was_applied(file: SchemaFile, applied: dict[int, dict[str, str]]) -> bool:
    seen = applied.get(file.number)
    if seen and seen["sha256"] != file.sha256:
        raise ValueError(
            f"schema file must not change once it was run; got another content of `{file.name}`"
            " (schema_migrations); put the change into a file with the next number"
        )
    return seen is not None


def _apply(client: PoolClient, file: SchemaFile) -> bool:
    for statement in file.statements:
        client.execute(statement)
    names = ("number", "name", "sha256")
    client.insert("schema_migrations", names, ([file.number], [file.name], [file.sha256]))
    return True


class Limit(NamedTuple):
    """How long a column, or whole rows where none is named, may stay after the time in another column."""

    table: str
    column: str
    since: str
    age: timedelta | None


def limits(retention: Retention) -> list[Limit]:
    """What a retention means for each table."""
    text, tokens, events, alerts = retention.text, retention.tokens, retention.events, retention.alerts
    found = (
        ("events", "text", "arrived_at", text),
        ("events", "reporter", "arrived_at", tokens),
        ("events", "pair", "arrived_at", tokens),
        ("events", "household", "arrived_at", tokens),
        ("events", "place", "arrived_at", tokens),
        ("events", "attrs", "arrived_at", tokens),
        ("alert_revisions", "key", "detected_at", tokens),
        ("alert_revisions", "evidence", "detected_at", tokens),
        ("events", "", "arrived_at", events),
        ("matter_links", "", "decided_at", events),
        ("late_events", "", "arrived_at", events),
        ("alert_revisions", "", "detected_at", alerts),
        ("alert_actions", "", "at", alerts),
        ("deliveries", "", "happened_at", alerts),
        ("dead_letters", "", "failed_at", retention.dead_letters),
    )
    return [Limit(*each) for each in found]


def apply_retention(client: PoolClient, retention: Retention) -> None:
    """Set the TTLs that differ; ClickHouse drops what is over them when it merges parts."""
    tables = _tables(client)
    for table, column, since, age in limits(retention):
        _limit(client, table, _definition(tables[table], column), column, since, age)


def overdue(client: PoolClient, retention: Retention, grace: timedelta) -> Iterator[tuple[Limit, int]]:
    """What is still there `grace` after it should have gone, and how many rows have it."""
    for limit in limits(retention):
        if limit.age is None:
            continue
        seconds = int((limit.age + grace).total_seconds())
        has_it = f" AND notEmpty(`{limit.column}`)" if limit.column else ""
        query = f"SELECT count() FROM {limit.table} WHERE {limit.since} < now() - toIntervalSecond({seconds}){has_it}"
        if count := int(client.value(query)):
            yield limit, count


def token_seconds(client: PoolClient) -> int | None:
    """For how long this pool can still tell people apart; `None` is for ever."""
    return _seconds(_definition(_tables(client)["events"], "reporter"))


def row_seconds(client: PoolClient, table: str) -> int | None:
    """For how long this pool keeps the rows of a table; `None` is for ever."""
    return _seconds(_definition(_tables(client).get(table, ""), ""))


def _seconds(definition: str) -> int | None:
    found = re.search(r"toIntervalSecond\((\d+)\)", definition)
    return int(found[1]) if found else None


def _limit(client: PoolClient, table: str, now: str, column: str, since: str, age: timedelta | None) -> None:
    """Let a column, or whole rows where none is named, expire `age` after `since`; `now` is its definition."""
    what = f"MODIFY COLUMN `{column}` " if column else ""
    if age is None:
        if " TTL " in now:
            client.execute(f"ALTER TABLE {table} {what}REMOVE TTL")
        return
    wanted = f"TTL toDateTime({since}) + toIntervalSecond({int(age.total_seconds())})"
    if wanted not in now:
        client.execute(f"ALTER TABLE {table} {what or 'MODIFY '}{wanted}")


def _tables(client: PoolClient) -> dict[str, str]:
    """How ClickHouse itself writes down each table; one question, for it is a slow one."""
    rows = client.rows("SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()")
    return {row["name"]: row["create_table_query"] for row in rows}


def _definition(table: str, column: str) -> str:
    """The definition of a column, or the end of the table's where the rows' TTL stands."""
    columns, _, end = table.partition(") ENGINE = ")
    return columns.partition(f"`{column}` ")[2].partition(", `")[0] if column else end
