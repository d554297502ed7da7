"""What readers ask of the pool: alerts that have ended, all revisions of one, the life of a matter, the audit.

What a caller may see is asked above; here a region narrows what is read: the code of a county, township or
village, or "" for all.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from alerts.model import Acted, Revision, to_us
from connectors.address import Where
from connectors.clickhouse import Pool
from connectors.clickhouse_client import is_transient
from connectors.clickhouse_rows import acted_of, revision_of

T = TypeVar("T")

THREADS = 4
PATIENCE = timedelta(seconds=2)

_IN_REGION = """(
    {region:String} = ''
    OR region.county = substring({region:String}, 1, 6) AND (
        length({region:String}) = 6 OR startsWith(region.township, {region:String})
        OR startsWith(region.village, {region:String}) OR startsWith(region.grid, {region:String})
    )
)"""


class PoolAwayError(ConnectionError):
    """ClickHouse does not answer; trying again later may help."""


class PoolViews:
    """Some threads with a connection of their own each; what is asked is a function of a `Pool`."""

    def __init__(self, dsn: Where, threads: int = THREADS) -> None:
        self._dsn = dsn
        self._own = threading.local()
        self._opened: list[Pool] = []
        self._threads = ThreadPoolExecutor(threads, "pool-views")

    async def ask(self, question: Callable[[Pool], T]) -> T:
        """The answer of one of the connections. Raises `PoolAwayError` where the server does not answer."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, question)

    def _answer(self, question: Callable[[Pool], T]) -> T:
        try:
            return question(self._pool())
        except Exception as error:
            if isinstance(error, OSError) or is_transient(error):
                raise PoolAwayError(f"clickhouse must answer; got `{type(error).__name__}`; try again") from error
            raise

    def _pool(self) -> Pool:
        pool: Pool | None = getattr(self._own, "pool", None)
        if pool is None:
            pool = self._own.pool = Pool(self._dsn, patience=PATIENCE)
            self._opened.append(pool)
        return pool

    def close(self) -> None:
        """Close the connections; nothing is asked any more."""
        self._threads.shutdown()
        for pool in self._opened:
            pool.close()


def revisions_of(pool: Pool, alert_id: str) -> list[Revision]:
    """Every revision of an alert, in order."""
    rows = pool.rows(
        "SELECT * FROM alert_revisions FINAL WHERE alert_id = {alert_id:String} ORDER BY revision", alert_id=alert_id
    )
    return [revision_of(row) for row in rows]


def last_revisions(
    pool: Pool,
    *,
    region: str,
    states: Sequence[str] = (),
    levels: Sequence[str] = (),
    rule: str = "",
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[Revision]:
    """The last revision of each alert, the latest first; nothing named is no limit, `before` is where a page ended."""
    rows = pool.rows(
        f"""
        SELECT * FROM alerts
        WHERE {_IN_REGION} AND origin != 'shadow'
            AND (empty({{states:Array(String)}}) OR has({{states:Array(String)}}, state))
            AND (empty({{levels:Array(String)}}) OR has({{levels:Array(String)}}, level))
            AND ({{rule:String}} = '' OR rule = {{rule:String}})
            AND ({{before_id:String}} = ''
                OR (toUnixTimestamp64Micro(detected_at), alert_id) < ({{before_us:Int64}}, {{before_id:String}}))
        ORDER BY detected_at DESC, alert_id DESC
        LIMIT {{limit:UInt32}}""",
        region=region,
        states=list(states),
        levels=list(levels),
        rule=rule,
        before_us=0 if before is None else to_us(before[0]),
        before_id="" if before is None else before[1],
        limit=limit,
    )
    return [revision_of(row) for row in rows]


def timeline(pool: Pool, matter: str, region: str) -> list[dict[str, Any]]:
    """The life of a matter step by step, as far as it happened in the region; nobody's words are in it."""
    return pool.rows(
        """
        SELECT occurred_at, arrived_at, channel, action, `case`, event_id, is_contact, link_type, link_to, unit,
            unit_level, township, village, grid, category, subcategory, violence, cues, satisfied, reason, score,
            proposed
        FROM v_matter_timeline
        WHERE matter = {matter:String} AND event_id IN (
            SELECT id FROM events FINAL
            WHERE matter = {matter:String} AND (
                {region:String} = ''
                OR county = substring({region:String}, 1, 6) AND (
                    length({region:String}) = 6 OR startsWith(township, {region:String})
                    OR startsWith(village, {region:String}) OR startsWith(grid, {region:String})
                )
            )
        )
        ORDER BY occurred_at, event_id""",
        matter=matter,
        region=region,
    )


def matters_of(pool: Pool, event_ids: Sequence[str], region: str) -> list[dict[str, Any]]:
    """To which matters events belong that happened in the region, those with most of them first."""
    return pool.rows(
        f"""
        SELECT matter, count() AS events
        FROM (
            SELECT matter, (county, township, village, grid)::Tuple(county String, township String, village String,
                grid String) AS region
            FROM events FINAL
            WHERE has({{event_ids:Array(String)}}, id) AND matter != ''
        )
        WHERE {_IN_REGION}
        GROUP BY matter
        ORDER BY events DESC, matter
        LIMIT 20""",
        event_ids=list(event_ids),
        region=region,
    )


def levels_reached(pool: Pool, since: datetime, region: str) -> list[dict[str, Any]]:
    """How many alerts first reached each level, by hour and county."""
    return pool.rows(
        f"""
        SELECT toStartOfHour(reached_at) AS at, county, level, count() AS alerts
        FROM (
            SELECT alert_id, level, argMin(region.county, revision) AS county, min(detected_at) AS reached_at
            FROM alert_revisions FINAL
            WHERE {_IN_REGION} AND origin != 'shadow' AND alert_id IN (
                SELECT alert_id FROM alert_revisions WHERE detected_at >= fromUnixTimestamp64Micro({{since_us:Int64}})
            )
            GROUP BY alert_id, level
        )
        WHERE reached_at >= fromUnixTimestamp64Micro({{since_us:Int64}})
        GROUP BY at, county, level
        ORDER BY at, county, level""",
        since_us=to_us(since),
        region=region,
    )


def events_since(pool: Pool, since: datetime, region: str) -> tuple[int, datetime | None]:
    """How many events happened in the region since then, and when the last one of all came in."""
    (row,) = pool.rows(
        """
        SELECT
            uniqExactIf(id, occurred_at >= fromUnixTimestamp64Micro({since_us:Int64})) AS events,
            maxOrNull(arrived_at) AS last
        FROM events
        WHERE {region:String} = '' OR county = substring({region:String}, 1, 6) AND (
            length({region:String}) = 6 OR startsWith(township, {region:String})
            OR startsWith(village, {region:String}) OR startsWith(grid, {region:String})
        )""",
        since_us=to_us(since),
        region=region,
    )
    return row["events"], row["last"]


def actions(pool: Pool, *, county: str, after: int, limit: int) -> list[Acted]:
    """Rows of the audit behind a number, in order; of one county, or of all."""
    rows = pool.rows(
        """
        SELECT record FROM alert_actions FINAL
        WHERE seq > {after:UInt64} AND ({county:String} = '' OR county = {county:String})
        ORDER BY seq
        LIMIT {limit:UInt32}""",
        after=after,
        county=county,
        limit=limit,
    )
    return [acted_of(row) for row in rows]


def answers(pool: Pool) -> None:
    """Does the server answer?"""
    pool.rows("SELECT 1 AS one")
