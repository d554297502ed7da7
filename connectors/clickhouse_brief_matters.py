"""What a brief asks the pool about matters as they stood at the end of a span: rates, what is open, what came most.

A matter belongs to the region of its first event. What happened up to the end counts, whenever it arrived.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from alerts.model import to_us
from connectors.clickhouse import Pool

ANSWER_TIME = timedelta(hours=24)


class Moments(NamedTuple):
    """A span as instants, from the first on and before the end, and the region."""

    start: datetime
    end: datetime
    region: str

    def parameters(self) -> dict[str, Any]:
        """As the queries take them."""
        return {"start_us": to_us(self.start), "end_us": to_us(self.end), "region": self.region}


class Rates(NamedTuple):
    """Closed of the matters registered; answered within a day of those whose day ended: numbers with denominators."""

    registered: int = 0
    closed: int = 0
    assessed: int = 0
    answered: int = 0


class UnitLoad(NamedTuple):
    """What is open with a unit, how much of it is overdue and since when; `unit` is "" where nobody has it yet."""

    unit: str
    open: int
    overdue: int
    due_first: datetime | None


class TopMatter(NamedTuple):
    """A matter that came in again: how often, through what, what it is about and where it stands."""

    matter: str
    county: str
    township: str
    category: str
    subcategory: str
    channels: list[str]
    contacts: int
    contacts_in_span: int
    registered_at: datetime
    unit: str
    is_closed: bool
    is_answered: bool
    level: str  # of the highest alert about it that was not taken back; "" is none


_START = "fromUnixTimestamp64Micro({start_us:Int64})"
_END = "fromUnixTimestamp64Micro({end_us:Int64})"
_ANSWERS = "('started', 'replied', 'visited', 'resolved', 'closed')"
# as `v_matters`, but with nothing that happened later
_MATTERS = f"""
    SELECT *, (closed_at IS NOT NULL AND (reopened_at IS NULL OR reopened_at < closed_at)) AS is_closed
    FROM
    (
        SELECT
            matter,
            argMin(e.county, (occurred_at, id)) AS county,
            argMin(e.township, (occurred_at, id)) AS township,
            argMin(e.category, (occurred_at, id)) AS category,
            argMin(e.subcategory, (occurred_at, id)) AS subcategory,
            arraySort(groupUniqArrayIf(channel, is_contact)) AS channels,
            countIf(is_contact) AS contacts,
            countIf(is_contact AND occurred_at >= {_START}) AS contacts_in_span,
            min(occurred_at) AS registered_at,
            minOrNullIf(occurred_at, action IN {_ANSWERS}) AS answered_at,
            maxOrNullIf(occurred_at, action = 'closed') AS closed_at,
            maxOrNullIf(occurred_at, action = 'reopened') AS reopened_at,
            argMaxIf(e.unit, (occurred_at, id), e.unit != '') AS unit
        FROM (SELECT *, is_contact FROM events FINAL) AS e
        WHERE matter != '' AND occurred_at < {_END}
        GROUP BY matter
    )
    WHERE {{region:String}} = '' OR county = {{region:String}} OR township = {{region:String}}"""
_ALERTS = f"""
    SELECT alert_id, argMax(state, (revision, engine_epoch)) AS state, argMax(kind, revision) AS kind,
        argMax(origin, revision) AS origin, argMax(level_max, revision) AS level_max, argMax(due, revision) AS due,
        argMax(`key`['matter'], revision) AS matter,
        argMax(evidence_ids[1], revision) AS first_evidence
    FROM alert_revisions FINAL
    WHERE detected_at < {_END}
    GROUP BY alert_id
    HAVING origin NOT IN ('shadow', 'warmup', 'test')"""
# a matter is overdue while an alert about what is owed stands open behind its date
_OVERDUE = f"""
    SELECT e.matter AS matter, min(a.due) AS due
    FROM (SELECT * FROM ({_ALERTS}) WHERE kind = 'obligation' AND state IN ('open', 'acked') AND due < {_END}) AS a
    INNER JOIN (SELECT id, matter FROM events FINAL WHERE matter != '') AS e ON e.id = a.first_evidence
    GROUP BY matter"""


def rates(pool: Pool, at: Moments) -> Rates:
    """The rates of the region."""
    (row,) = pool.rows(_rates_sql("", ""), **_rate_parameters(at))
    return Rates(row["registered"], row["closed"], row["assessed"], row["answered"])


def rates_by_part(pool: Pool, at: Moments) -> dict[str, Rates]:
    """The rates of each county, or of each township of a county."""
    part = "township" if at.region else "county"
    rows = pool.rows(_rates_sql(f"{part} AS part,", "GROUP BY part"), **_rate_parameters(at))
    return {row["part"]: Rates(row["registered"], row["closed"], row["assessed"], row["answered"]) for row in rows}


def open_by_unit(pool: Pool, at: Moments) -> list[UnitLoad]:
    """What was open at the end, by the unit that had it last; the most overdue first."""
    rows = pool.rows(
        f"""
        SELECT m.unit AS unit, count() AS open, countIf(o.due IS NOT NULL) AS overdue, min(o.due) AS due_first
        FROM (SELECT matter, unit FROM ({_MATTERS}) WHERE NOT is_closed) AS m
        LEFT JOIN (SELECT matter, toNullable(due) AS due FROM ({_OVERDUE})) AS o ON o.matter = m.matter
        GROUP BY m.unit
        ORDER BY overdue DESC, open DESC, unit""",
        **at.parameters(),
    )
    return [UnitLoad(**row) for row in rows]


def unit_levels(pool: Pool) -> dict[str, int]:
    """How high each unit stands (1 grid … 5 city), as far as any event has said."""
    rows = pool.rows("SELECT unit, max(unit_level) AS level FROM events FINAL WHERE unit != '' GROUP BY unit")
    return {row["unit"]: row["level"] for row in rows if row["level"] is not None}


def top_matters(pool: Pool, at: Moments, limit: int) -> list[TopMatter]:
    """What came in within the span, not for the first time: through the most channels, then the most often."""
    rows = pool.rows(
        f"""
        SELECT m.matter AS matter, county, township, category, subcategory, channels, contacts, contacts_in_span,
            registered_at, unit, is_closed, answered_at IS NOT NULL AS is_answered, a.level AS level
        FROM (SELECT * FROM ({_MATTERS}) WHERE contacts_in_span > 0 AND contacts > 1) AS m
        LEFT JOIN
        (
            SELECT matter, argMax(level_max, indexOf(['blue', 'yellow', 'red'], level_max)) AS level
            FROM ({_ALERTS}) WHERE matter != '' AND state NOT IN ('retracted', 'merged') GROUP BY matter
        ) AS a ON a.matter = m.matter
        ORDER BY length(channels) DESC, contacts DESC, indexOf(['blue', 'yellow', 'red'], a.level) DESC, is_closed,
            registered_at, matter
        LIMIT {{limit:UInt32}}""",
        limit=limit,
        **at.parameters(),
    )
    return [TopMatter(**row) for row in rows]


def _rates_sql(part: str, group: str) -> str:
    registered = f"registered_at >= {_START}"
    assessed = "registered_at >= fromUnixTimestamp64Micro({since_us:Int64})"
    assessed += " AND registered_at < fromUnixTimestamp64Micro({until_us:Int64})"
    in_time = "ifNull(answered_at <= registered_at + INTERVAL 24 HOUR, false)"
    return f"""
        SELECT {part} countIf({registered}) AS registered, countIf({registered} AND is_closed) AS closed,
            countIf({assessed}) AS assessed, countIf({assessed} AND {in_time}) AS answered
        FROM ({_MATTERS})
        {group}"""


def _rate_parameters(at: Moments) -> dict[str, Any]:
    since, until = to_us(at.start - ANSWER_TIME), to_us(at.end - ANSWER_TIME)
    return {**at.parameters(), "since_us": since, "until_us": until}
