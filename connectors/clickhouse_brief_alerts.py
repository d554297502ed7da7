"""What a brief asks the pool about alerts as they stood at the end of a span, and about what could not be judged."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from connectors.clickhouse import Pool
from connectors.clickhouse_brief_matters import Moments

DELIVERED = "NOT IN ('shadow', 'warmup', 'test')"
_START = "fromUnixTimestamp64Micro({start_us:Int64})"
_END = "fromUnixTimestamp64Micro({end_us:Int64})"
_AREA = "({region:String} = '' OR county = {region:String} OR startsWith(township, {region:String}))"


class BriefAlert(NamedTuple):
    """One alert as it stood at the end: when it rose, who has taken it since when, and what it measured."""

    alert_id: str
    rule: str
    kind: str
    state: str
    reason: str
    level: str  # the highest
    confidence: str
    opened_at: datetime
    red_at: datetime | None
    escalated_at: datetime | None  # nobody had acked in time
    next_level_at: datetime | None  # when the next level would be told, as the first revision says
    acked_at: datetime | None
    due: datetime | None
    disposition: str
    disposed_at: datetime | None
    county: str
    township: str
    subcategory: str
    contacts: int
    ratio: float
    unit: str  # of the last closing among the evidence


class Gap(NamedTuple):
    """A time in which rules could not judge, and how many they were."""

    channel: str
    reason: str
    from_at: datetime
    until_at: datetime
    rules: int


def alerts_of(pool: Pool, at: Moments) -> list[BriefAlert]:
    """Alerts that were opened in the span, or disposed of in it, or still open at its end, in their order."""
    rows = pool.rows(
        f"""
        SELECT r.*, p.acked_at AS acked_at, p.disposition AS disposition, p.disposed_at AS disposed_at
        FROM
        (
            SELECT alert_id, any(rule) AS rule, any(kind) AS kind,
                argMax(r.state, revision) AS state, argMax(r.reason, revision) AS reason,
                argMax(level_max, revision) AS level, argMax(r.confidence, revision) AS confidence,
                min(detected_at) AS opened_at, minOrNullIf(detected_at, r.level = 'red') AS red_at,
                minOrNullIf(detected_at, r.reason = 'escalated') AS escalated_at,
                argMin(parseDateTime64BestEffortOrNull(JSONExtractString(route, 'next_repeat_at'), 6, 'UTC'), revision)
                    AS next_level_at,
                argMax(r.due, revision) AS due, argMax(r.region.county, revision) AS county,
                argMax(r.region.township, revision) AS township, argMax(`key`['subcategory'], revision) AS subcategory,
                argMax(r.`count`, revision) AS contacts, argMax(JSONExtractFloat(measures, 'ratio'), revision) AS ratio,
                argMax({_closed_by("r.evidence")}, revision) AS unit, any(origin) AS origin
            FROM alert_revisions AS r FINAL
            WHERE detected_at < {_END}
            GROUP BY alert_id
        ) AS r
        LEFT JOIN
        (
            SELECT alert_id, minOrNullIf(at, action IN ('ack', 'close')) AS acked_at,
                argMaxIf(a.disposition, at, a.disposition != '') AS disposition,
                maxOrNullIf(at, a.disposition != '') AS disposed_at
            FROM alert_actions AS a FINAL
            WHERE verdict = 'done' AND at < {_END}
            GROUP BY alert_id
        ) AS p ON p.alert_id = r.alert_id
        WHERE origin {DELIVERED} AND {_AREA}
            AND (opened_at >= {_START} OR state IN ('open', 'acked') OR p.disposed_at >= {_START})
        ORDER BY opened_at, alert_id""",
        **at.parameters(),
    )
    return [BriefAlert(**{name: row[name] for name in BriefAlert._fields}) for row in rows]


def supervised(pool: Pool, at: Moments) -> tuple[int, int]:
    """How many supervision notices (督办) went out in the span, and how many were answered in it."""
    (row,) = pool.rows(
        f"""
        SELECT countIf(action = 'supervise') AS notices, countIf(action = 'answer') AS answers
        FROM alert_actions FINAL
        WHERE verdict = 'done' AND at >= {_START} AND at < {_END}
            AND ({{region:String}} = '' OR county = {{region:String}} OR alert_id IN
            (
                SELECT alert_id FROM alert_revisions AS r FINAL
                WHERE length({{region:String}}) = 9 AND detected_at < {_END}
                GROUP BY alert_id
                HAVING startsWith(argMax(r.region.township, revision), {{region:String}})
            ))""",
        **at.parameters(),
    )
    return row["notices"], row["answers"]


def gaps(pool: Pool, at: Moments) -> list[Gap]:
    """Times within the span in which rules were not judged or only in part; rules with the same reason are one."""
    rows = pool.rows(
        f"""
        SELECT channel, reason, min(g.from_at) AS from_at, max(g.until_at) AS until_at, uniqExact(rule) AS rules
        FROM rule_gaps AS g FINAL
        WHERE g.from_at < {_END} AND g.until_at >= {_START}
        GROUP BY channel, reason
        ORDER BY from_at, channel""",
        **at.parameters(),
    )
    return [Gap(**row) for row in rows]


def not_judged(pool: Pool, at: Moments) -> dict[str, int]:
    """How many events came too late for a rule in the span, and how many rows could not be read, by what they are."""
    found: dict[str, Any] = {}
    queries = (
        ("late", "SELECT uniqExact(event_id) AS number FROM late_events FINAL WHERE arrived_at"),
        ("unread", "SELECT uniqExact(id) AS number FROM dead_letters FINAL WHERE failed_at"),
    )
    for name, query in queries:
        (row,) = pool.rows(f"{query} >= {_START} AND {query.rpartition(' ')[2]} < {_END}", **at.parameters())
        found[name] = row["number"]
    return found


def _closed_by(evidence: str) -> str:
    """The unit of the last closing in the evidence of an alert."""
    closings = f"arrayFilter(e -> JSONExtractString(e, 'fields', 'action') = 'closed', JSONExtractArrayRaw({evidence}))"
    return f"JSONExtractString(arrayElement({closings}, -1), 'fields', 'unit')"
