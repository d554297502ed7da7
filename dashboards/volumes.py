"""How much comes in: beside the time before and the year before, by channel and category, against what is usual."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, sql, words
from dashboards.colours import BLUE, SKY, VERMILION, WATCH, apart
from dashboards.columns import COUNT, MOMENT, Column, steps
from dashboards.panels import big_number, lines, stacks, table
from dashboards.queries import series
from dashboards.queries import table as ask

LENGTH = f"({sql.LAST_DAY} - {sql.FIRST_DAY} + 1)"
BEFORE = f"bucket BETWEEN {sql.FIRST_DAY} - {LENGTH} AND {sql.FIRST_DAY} - 1"
YEAR_BEFORE = f"bucket BETWEEN {sql.FIRST_DAY} - INTERVAL 1 YEAR AND {sql.LAST_DAY} - INTERVAL 1 YEAR"
NOTHING = "这段时间无来件"
_TIMES = steps(SKY, (6, WATCH), (10, VERMILION))
CHANGE = steps("text", (0.2, WATCH), (0.5, VERMILION))


def compared(by: str = "") -> str:
    """Contacts in the days shown, in as many days before and in the same days of last year; by a column or in all."""
    return f"""
        SELECT {f"{by}," if by else ""} sumIf(d.contacts, {sql.IN_DAYS}) AS contacts,
            sumIf(d.contacts, {BEFORE}) AS before, sumIf(d.contacts, {YEAR_BEFORE}) AS year_before,
            if(before = 0, NULL, contacts / before - 1) AS change,
            if(year_before = 0, NULL, contacts / year_before - 1) AS year_change
        FROM agg_contacts_daily AS d FINAL
        WHERE {sql.CHOSEN} AND bucket BETWEEN
            least({sql.FIRST_DAY} - INTERVAL 1 YEAR, {sql.FIRST_DAY} - {LENGTH}) AND {sql.LAST_DAY}
        {f"GROUP BY {by}" if by else ""}"""


def contacts() -> Panel:
    """How many, and how many more than before."""
    return big_number(
        "来件",
        "所选各日的来件；环比为之前同样天数，同比为去年同日。Contacts, beside as many days before and a year before.",
        ask(f"SELECT contacts, change, year_change FROM ({compared()})"),
        columns={
            "contacts": Column("来件", "suffix:件"),
            "change": Column("环比", columns.SHARE, decimals=1, steps=CHANGE),
            "year_change": Column("同比", columns.SHARE, decimals=1, steps=CHANGE),
        },
        empty="无可比",
    )


def by_channel() -> Panel:
    """Day by day, channel on channel."""
    return stacks(
        "每日来件（按渠道）",
        "每天各渠道来件，转办、移送、回访、重复不重复计。Contacts a day by channel.",
        series(
            f"""
            SELECT {sql.MIDNIGHT} AS time, {sql.named("channel", words.channels())} AS named,
                sum(d.contacts) AS contacts
            FROM agg_contacts_daily AS d FINAL
            WHERE {sql.CHOSEN} AND {sql.IN_DAYS}
            GROUP BY time, named
            ORDER BY time, named"""
        ),
        unit="suffix:件",
        name="${__field.labels.named}",
        coloured=apart(words.channels().values()),
        empty=NOTHING,
    )


def by_category() -> Panel:
    """Each category beside the time before."""
    return table(
        "按类别",
        "各类来件与之前同样天数、去年同日相比。Contacts by category, compared.",
        ask(f"SELECT * FROM ({compared('category')}) WHERE contacts + before > 0 ORDER BY contacts DESC, category"),
        {
            "category": Column("类别", width=110, names=columns.named({**words.CATEGORIES, "": "未分类"})),
            **_compared_columns(),
        },
        empty=NOTHING,
    )


def _compared_columns() -> dict[str, Column]:
    return {
        "contacts": Column("来件", COUNT, cell=columns.BAR, steps=steps(BLUE)),
        "before": columns.count("之前"),
        "year_before": columns.count("去年同日"),
        "change": Column("环比", columns.SHARE, 90, decimals=1, steps=CHANGE, cell={"type": "color-text"}),
        "year_change": Column("同比", columns.SHARE, 90, decimals=1, steps=CHANGE, cell={"type": "color-text"}),
    }


def by_month() -> Panel:
    """The last thirteen months beside the month before and the same month a year before."""
    return table(
        "按月",
        "自然月，近 13 个月；无可比的月份空着。By calendar month, the last thirteen.",
        ask(
            f"""
            SELECT month, sum(m.contacts) AS contacts, sum(m.month_before) AS before, sum(m.year_before) AS year_before,
                if(before = 0, NULL, contacts / before - 1) AS change,
                if(year_before = 0, NULL, contacts / year_before - 1) AS year_change
            FROM v_contacts_monthly AS m
            WHERE {sql.CHOSEN} AND month > {sql.LAST_DAY} - INTERVAL 13 MONTH AND month <= {sql.LAST_DAY}
            GROUP BY month
            ORDER BY month DESC"""
        ),
        {"month": Column("月份", "time:YYYY-MM", 90), **_compared_columns(), "before": columns.count("上月")},
        empty=NOTHING,
    )


def against_usual() -> Panel:
    """Hour by hour beside the median of the same hour of the 28 days before."""
    return lines(
        "逐时来件与平时",
        "每小时来件与前 28 天同一小时的中位数。Contacts an hour beside the median of that hour before.",
        series(
            f"""
            SELECT bucket + toIntervalDay(shift) AS time, sumIf(n, shift = 0) AS contacts,
                arrayReduce('quantileExact(0.5)', arrayResize(groupArrayIf(n, shift > 0),
                    greatest(1, least(28, dateDiff('day', assumeNotNull(any(first)), time))), toUInt64(0))) AS usual
            FROM
            (
                SELECT bucket, sum(h.contacts) AS n, (SELECT min(bucket) FROM agg_contacts_hourly FINAL) AS first
                FROM agg_contacts_hourly AS h FINAL
                WHERE {sql.CHOSEN} AND bucket >= $__fromTime - INTERVAL 29 DAY AND bucket <= {sql.NOW}
                GROUP BY bucket
            )
            ARRAY JOIN range(29) AS shift
            WHERE time >= $__fromTime AND time <= {sql.NOW}
            GROUP BY time
            ORDER BY time"""
        ),
        unit="suffix:件",
        titles={"contacts": "来件", "usual": "平时"},
        coloured={"contacts": BLUE, "usual": WATCH},
        empty=NOTHING,
    )


def surges() -> Panel:
    """What rules called a surge."""
    return table(
        "突增警情",
        "规则判定的突增：多少件，是平时的几倍，平时是多少。Surges as the rules saw them, against their baseline.",
        ask(
            f"""
            SELECT opened_at, level, rule, said, county, count, JSONExtractFloat(measures, 'ratio') AS times,
                if(JSONHas(measures, 'median'), JSONExtractFloat(measures, 'median'),
                    JSONExtractFloat(measures, 'expected')) AS usual, state, alert_id
            FROM ({sql.standing("rule, kind, text.zh AS said, count, measures")})
            WHERE kind = 'surge' AND $__timeFilter(opened_at) AND {sql.IN_COUNTY}
            ORDER BY opened_at DESC, alert_id
            LIMIT 100"""
        ),
        {
            "opened_at": Column("何时", MOMENT, 120),
            "level": columns.level(),
            "rule": columns.rule(),
            "said": Column("何事"),
            "county": columns.county(),
            "count": columns.count("来件"),
            "times": Column("倍数", COUNT, 80, decimals=1, steps=_TIMES, cell=columns.FILLED),
            "usual": Column("平时", COUNT, 80, decimals=1),
            "state": Column("状态", width=80, names=columns.named(words.STATES)),
            "alert_id": Column("警情", width=100, links=[links.alert()]),
        },
        empty="这段时间没有突增",
    )  # fmt: skip
