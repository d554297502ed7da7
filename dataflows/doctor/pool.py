"""ClickHouse: whether it answers, its tables, its disks and its clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from alerts.model import to_us
from connectors.clickhouse import Pool
from dataflows.doctor.clocks import clock_line
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.doctor.room import room_line
from dataflows.rule_paths import many
from dataflows.servers import pool_of
from dataflows.settings import Settings

PATIENCE = timedelta(seconds=3)
EMBEDDED = "chdb://"
GRACE = timedelta(days=7)  # ClickHouse drops what is over its time when it merges parts


def look_at_pool(settings: Settings) -> Iterator[Line]:
    """The server, its clock, its disks and the tables; an embedded engine belongs to whoever runs on it."""
    folder = Path(settings.clickhouse.removeprefix(EMBEDDED))
    if settings.clickhouse.startswith(EMBEDDED) and not folder.is_dir():  # to open it would make it
        yield attention("pool", f"is not there yet ({folder})", "`anlan migrate` or `anlan run` makes it")
        return
    try:
        opened = Pool(pool_of(settings), patience=PATIENCE)
    except ConnectionError:
        if not settings.clickhouse.startswith(EMBEDDED):
            raise
        yield attention("pool", f"another process has the embedded engine open ({folder})", "stop it to look inside")
        return
    with opened as pool:
        (said,) = pool.rows("SELECT version() AS version, now64(6, 'UTC') AS at")
        yield ok("clickhouse", f"clickhouse {said['version']}")
        yield clock_line("clickhouse", to_us(said["at"]))
        for disk in pool.rows("SELECT name, free_space, total_space FROM system.disks WHERE total_space > 0"):
            if disk["total_space"] < 2**63:
                yield room_line(f"clickhouse disk {disk['name']}", disk["free_space"], disk["total_space"])
        yield from _tables(pool)


def _tables(pool: Pool) -> Iterator[Line]:
    look = pool.schema()
    if look.changed:
        yield broken(
            "pool",
            f"schema files must be as they were when they were run; got others for {', '.join(look.changed)}",
            "install the release that the pool was made with, or a later one",
        )
    if look.unknown:
        yield broken(
            "pool",
            f"the pool must not be newer than this release; got {', '.join(look.unknown)}",
            "run the release that brought the pool up to date",
        )
    if look.pending:
        yield attention("pool", f"is to be brought up to date: {', '.join(look.pending)}", "run `anlan migrate`")
    elif not look.changed and not look.unknown:
        yield ok("pool", f"{pool.count_events():,} events; its tables are up to date")
        yield from _retention(pool)


def _retention(pool: Pool) -> Iterator[Line]:
    """Whether what may not be kept any longer has gone."""
    found = pool.overdue(GRACE)
    for (table, column, _, age), count in found:
        assert age is not None
        what = f"{table}.{column}" if column else table
        yield attention(
            "retention",
            f"`{what}` may stay for {age.days} days; {many(count, 'row')} stayed {GRACE.days} days longer",
            f"`OPTIMIZE TABLE {table} FINAL`, and see why ClickHouse does not merge its parts",
        )
    if not found:
        yield ok("retention", "nothing is kept for longer than it may be")
