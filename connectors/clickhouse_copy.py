"""The tables of the pool as files, in ClickHouse's own format and packed, and back."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from connectors.clickhouse_client import PoolClient

QUICK = 1  # how hard it is packed: an archive is written once and hardly ever read
_ENDING = ".native.gz"


class SavedPart(NamedTuple):
    """One partition of a table, in a file."""

    table: str
    file: Path
    rows: int  # at least: a flow that runs adds some meanwhile


def save_tables(client: PoolClient, folder: Path) -> Iterator[SavedPart]:
    """Write every table but that of the schema files, partition by partition; of rows that were replaced the last."""
    folder.mkdir(parents=True)
    for table in _tables(client):
        for part in client.rows(f"SELECT DISTINCT _partition_id AS id FROM {table} ORDER BY id"):
            file = folder / f"{table}.{part['id']}{_ENDING}"
            which = f"FROM {table} FINAL WHERE _partition_id = {{part:String}}"
            rows = int(client.value(f"SELECT count() {which}", part=part["id"]))
            with gzip.open(file, "wb", QUICK) as packed:
                client.save(f"SELECT * {which}", cast(BinaryIO, packed), part=part["id"])
            yield SavedPart(table, file, rows)


def load_table(client: PoolClient, table: str, file: Path) -> None:
    """Put a file back into its table."""
    with gzip.open(file, "rb") as packed:
        client.load(table, cast(BinaryIO, packed))


def _tables(client: PoolClient) -> list[str]:
    rows = client.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        " AND name != 'schema_migrations' ORDER BY name"
    )
    return [row["name"] for row in rows]
