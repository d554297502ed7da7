"""How well what comes in is answered: 办结率, 响应率, 满意率, and 三调对接 with what became of it."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.models.dashboard import Panel, Threshold

from dashboards import columns, sql, words
from dashboards.colours import BAD, BLUE, GOOD, ORANGE, PURPLE, SKY, WATCH
from dashboards.columns import SHARE, Column, steps
from dashboards.panels import big_number, lines, table
from dashboards.queries import series
from dashboards.queries import table as ask

CATEGORY = "if(category = '', 'unknown', category) IN (${category:sqlstring})"
IN_DAYS = f"day BETWEEN {sql.FIRST_DAY} AND {sql.LAST_DAY}"
_BEGIN = f"toDateTime({sql.FIRST_DAY}, {sql.LOCAL})"
_END = f"toDateTime({sql.LAST_DAY} + 1, {sql.LOCAL})"

# The matters registered in the days that are shown, as `v_matters` says them, which reads the whole pool. All that
# happened to them happened since, so only that is read, and left out is what some earlier event belongs to by now.
REGISTERED = f"""
        SELECT argMin(county, (occurred_at, id)) AS region, argMin(township, (occurred_at, id)) AS township,
            argMin(category, (occurred_at, id)) AS category, min(occurred_at) AS registered_at,
            toDate(registered_at, {sql.LOCAL}) AS day,
            minOrNullIf(occurred_at, action IN ('started', 'replied', 'visited', 'resolved', 'closed')) AS responded_at,
            maxOrNullIf(occurred_at, action = 'closed') AS closed_at,
            maxOrNullIf(occurred_at, action = 'reopened') AS reopened_at
        FROM events FINAL
        WHERE matter != '' AND occurred_at >= {_BEGIN}
        GROUP BY matter
        HAVING registered_at < {_END} AND matter NOT IN
        (
            SELECT argMax(matter, version)
            FROM events
            WHERE occurred_at < {_BEGIN} AND id IN
            (
                SELECT id FROM events
                WHERE occurred_at < {_BEGIN} AND matter IN (SELECT matter FROM events WHERE occurred_at >= {_BEGIN})
            )
            GROUP BY id
        )"""
CLOSING = f"""
        SELECT day, region, township, category, 1 AS of,
            closed_at IS NOT NULL AND (reopened_at IS NULL OR reopened_at < closed_at) AS good
        FROM ({REGISTERED})"""
RESPONSE = f"""
        SELECT day, region, category, ifNull(responded_at <= registered_at + INTERVAL 24 HOUR, false) AS good,
            good OR registered_at + INTERVAL 24 HOUR < (SELECT max(occurred_at) FROM events) AS of
        FROM ({REGISTERED})"""
SATISFACTION = """
        SELECT day, region, channel, category, satisfied AS good, asked_back AS of
        FROM v_satisfaction_rate WHERE area_level = 'county'"""


class Rate(NamedTuple):
    """A rate: where its good ones and all of them are, and from where on it is passable and good."""

    title: str
    sentence: str
    source: str
    where: str
    passable: float
    fine: float


RATES = {
    "closing": Rate("办结率", "所选各日登记的事项中，现已办结的。Registered in these days and closed by now.",
                    CLOSING, CATEGORY, 0.7, 0.9),
    "response": Rate("响应率", "所选各日登记、已满 24 小时的事项中，24 小时内有人着手的。Met within 24 hours.",
                     RESPONSE, CATEGORY, 0.7, 0.9),
    "satisfaction": Rate("满意率", "所选各日回访的人中满意的。Satisfied, of those asked back.",
                         SATISFACTION, f"{CATEGORY} AND {sql.OF_CHANNELS}", 0.7, 0.9),
}  # fmt: skip


def counted(name: str, by: str = "") -> str:
    """The good ones and all of a rate, and the rate; by a column or in all."""
    rate = RATES[name]
    return f"""
        SELECT {f"{by}," if by else ""} sum(s.good) AS good, sum(s.of) AS all_of,
            if(all_of = 0, NULL, good / all_of) AS rate
        FROM ({rate.source}) AS s
        WHERE region LIKE ${{county:sqlstring}} AND {rate.where} AND {IN_DAYS}
        {f"GROUP BY {by}" if by else ""}"""


def tile(name: str) -> Panel:
    """A rate as one number, with what it is a part of."""
    rate = RATES[name]
    return big_number(
        rate.title,
        rate.sentence,
        ask(f"SELECT rate, all_of FROM ({counted(name)})"),
        columns={
            "rate": Column(rate.title, SHARE, decimals=1, steps=_good(rate)),
            "all_of": Column("共", "suffix:件"),
        },
        empty="无可评",
    )


def _good(rate: Rate) -> list[Threshold]:
    return steps(BAD, (rate.passable, WATCH), (rate.fine, GOOD))


def by_day() -> Panel:
    """All three, day by day."""
    parts = " UNION ALL ".join(
        f"SELECT toDateTime(day, {sql.LOCAL}) AS time, '{rate.title}' AS named, rate FROM ({counted(name, 'day')})"
        for name, rate in RATES.items()
    )
    return lines(
        "每日三率",
        "办结率、响应率按登记日，满意率按回访日；新登记的还在办。The three rates by day.",
        series(f"SELECT * FROM ({parts}) WHERE rate IS NOT NULL ORDER BY time, named"),
        unit=SHARE,
        name="${__field.labels.named}",
        coloured={"办结率": BLUE, "响应率": ORANGE, "满意率": GOOD},
        top=1,
        empty="这段时间无可评的事项",
    )


def mediation() -> Panel:
    """三调对接 by where the dispute came in."""
    return table(
        "三调对接",
        "法院、公安、信访来的矛盾纠纷进入调解后如何。Disputes of court, police and petition in mediation.",
        ask(
            f"""
            SELECT from_channel, sum(v.brought) AS brought, sum(v.mediated) AS mediated, sum(v.settled) AS settled,
                sum(v.failed) AS failed, sum(v.pending) AS pending,
                if(brought = 0, NULL, mediated / brought) AS flow_rate,
                if(mediated = 0, NULL, settled / mediated) AS success_rate
            FROM v_mediation_flow AS v
            WHERE {sql.OF_COUNTY} AND {IN_DAYS}
            GROUP BY from_channel
            ORDER BY brought DESC, from_channel"""
        ),
        {
            "from_channel": Column("来自", width=120, names=columns.named(words.channels())),
            "brought": columns.count("纠纷"),
            "mediated": columns.count("进入调解"),
            "settled": columns.count("化解"),
            "failed": columns.count("未成"),
            "pending": columns.count("在调"),
            "flow_rate": columns.share("对接率"),
            "success_rate": columns.share("化解率"),
        },
        empty="这段时间没有此类纠纷",
    )


def mediation_by_week() -> Panel:
    """三调对接, week by week."""
    return lines(
        "三调对接逐周",
        "每周一起算：对接率为进入调解的占比，化解率为其中已化解的占比。Flow and success of mediation by week.",
        series(
            f"""
            SELECT toDateTime(toStartOfWeek(day, 1), {sql.LOCAL}) AS time,
                if(sum(v.brought) = 0, NULL, sum(v.mediated) / sum(v.brought)) AS flow_rate,
                if(sum(v.mediated) = 0, NULL, sum(v.settled) / sum(v.mediated)) AS success_rate
            FROM v_mediation_flow AS v
            WHERE {sql.OF_COUNTY} AND {IN_DAYS}
            GROUP BY time
            ORDER BY time"""
        ),
        unit=SHARE,
        titles={"flow_rate": "对接率", "success_rate": "化解率"},
        coloured={"flow_rate": SKY, "success_rate": PURPLE},
        top=1,
        empty="这段时间没有此类纠纷",
    )
