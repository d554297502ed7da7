"""What the pool knows of what was published: where a flow goes on that has lost more than its snapshot."""

from __future__ import annotations

from alerts.publishing import Published
from connectors.clickhouse import Pool


def last_published(pool: Pool) -> Published:
    """The greatest place in the feed, the instant of its revision, and the last revision of each alert."""
    (row,) = pool.rows(
        """
        SELECT max(feed_seq) AS greatest, toUnixTimestamp64Micro(max(detected_at)) AS until_us
        FROM alert_revisions WHERE feed_seq > 0"""
    )
    last = pool.rows("SELECT alert_id, revision, content_hash FROM alerts WHERE feed_seq > 0")
    known = {each["alert_id"]: (each["revision"], each["content_hash"]) for each in last}
    return Published(row["greatest"], row["until_us"], known)


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
