"""What the pool knows of what was published: for a flow that has lost more than its snapshot, and for readers."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.model import Revision
from alerts.publishing import Published
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import last_row
from connectors.clickhouse_rows import revision_of

ALL = "alerts:all"


def last_published(pool: Pool) -> Published:
    """The greatest place in each feed, the instant of its revision, and the last revision of each alert."""
    (row,) = pool.rows(
        """
        SELECT max(feed_seq) AS greatest, toUnixTimestamp64Micro(max(detected_at)) AS until_us
        FROM alert_revisions WHERE feed_seq > 0"""
    )
    last = pool.rows("SELECT alert_id, revision, content_hash FROM alerts WHERE feed_seq > 0")
    known = {each["alert_id"]: (each["revision"], each["content_hash"]) for each in last}
    feeds = pool.rows(
        """
        SELECT feed, max(place) AS greatest
        FROM (SELECT mapKeys(feed_seqs) AS feeds, mapValues(feed_seqs) AS places FROM alert_revisions)
        ARRAY JOIN feeds AS feed, places AS place
        GROUP BY feed"""
    )
    places = {each["feed"]: each["greatest"] for each in feeds}
    seq, head, acted_us = last_row(pool)
    return Published(row["greatest"], row["until_us"], known, places, (seq, head), acted_us)


def last_place(pool: Pool) -> int:
    """The last place in the feed that the latest life of the flow has published; 0 where there is none."""
    if not pool.has_tables():
        return 0
    (row,) = pool.rows("SELECT max((engine_epoch, feed_seq)).2 AS place FROM alert_revisions WHERE feed_seq > 0")
    return int(row["place"])


def revisions_between(pool: Pool, feed: str, after: int, until: int | None = None) -> Iterator[Revision]:
    """The revisions of a feed behind a place in it and before another one, or all behind it, in their order."""
    place = "feed_seq" if feed == ALL else "feed_seqs[{feed:String}]"
    rows = pool.rows(
        f"""
        SELECT * FROM alert_revisions FINAL
        WHERE {place} > {{after:UInt64}} AND ({{until:UInt64}} = 0 OR {place} < {{until:UInt64}})
        ORDER BY {place}""",
        feed=feed,
        after=after,
        until=until or 0,
    )
    return map(revision_of, rows)


def generations_before(pool: Pool, until_us: int) -> dict[str, int]:
    """The generation of each rule that spoke before an instant (microseconds), by rule id."""
    rows = pool.rows(
        """
        SELECT rule, max(rule_generation) AS generation FROM alert_revisions
        WHERE detected_at < fromUnixTimestamp64Micro({until:Int64})
        GROUP BY rule""",
        until=until_us,
    )
    return {row["rule"]: row["generation"] for row in rows}
