"""The audit as the pool keeps it: read in its order, and held against its own hashes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from alerts.desk.audit import THE_DESK, broken
from alerts.model import Act, Acted, to_us
from connectors.clickhouse import Pool
from connectors.clickhouse_rows import acted_of

PAGE = 10_000
QUIET = timedelta(days=31)  # for so long nobody may have done anything when the rows before have had their time


def audit_rows(pool: Pool, after: int = 0) -> Iterator[Acted]:
    """The rows behind a number, in order. Raises `ValueError` at one whose columns contradict its record."""
    while rows := pool.rows(
        "SELECT * FROM alert_actions FINAL WHERE seq > {after:UInt64} ORDER BY seq LIMIT {page:UInt32}",
        after=after,
        page=PAGE,
    ):
        yield from map(acted_of, rows)
        after = rows[-1]["seq"]


def acts_before(pool: Pool, until_us: int) -> Iterator[Act]:
    """What people did before an instant (microseconds), in order: what was refused changed nothing."""
    for row in audit_rows(pool):
        if to_us(row.at) >= until_us:
            return
        if row.verdict == "done" and row.action.role != THE_DESK:
            yield Act(to_us(row.at), row.action)


def last_row(pool: Pool) -> tuple[int, str, int]:
    """Number, hash and clock instant of the last row; nothing where there is none."""
    rows = pool.rows(
        "SELECT seq, hash, toUnixTimestamp64Micro(at) AS at_us FROM alert_actions ORDER BY seq DESC LIMIT 1"
    )
    return (rows[0]["seq"], rows[0]["hash"], rows[0]["at_us"]) if rows else (0, "", 0)


def first_row(pool: Pool) -> tuple[int, int]:
    """Number and clock instant of the first row that is there; nothing where there is none."""
    rows = pool.rows("SELECT seq, toUnixTimestamp64Micro(at) AS at_us FROM alert_actions ORDER BY seq LIMIT 1")
    return (rows[0]["seq"], rows[0]["at_us"]) if rows else (0, 0)


def audit_faults(pool: Pool) -> tuple[int, list[str]]:
    """How many rows there are, and a sentence for each place where the audit does not hold.

    That rows are gone which the pool need not keep any longer is no fault.
    """
    count, faults = 0, list[str]()

    def counted() -> Iterator[Acted]:
        nonlocal count
        for row in audit_rows(pool):
            count += 1
            yield row

    try:
        faults += broken(counted(), _kept_since_us(pool))
    except ValueError as error:
        faults.append(str(error))
    return count, faults


def _kept_since_us(pool: Pool) -> int | None:
    """A row from before this instant may be the first; nothing where rows stay for ever."""
    seconds = pool.row_seconds("alert_actions")
    if seconds is None:
        return None
    (now,) = pool.rows("SELECT toUnixTimestamp64Micro(now64(6)) AS us")
    return int(now["us"]) - (seconds - int(QUIET.total_seconds())) * 1_000_000
