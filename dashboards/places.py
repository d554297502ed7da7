"""Where it is: open alerts and contacts by county, by township, and hour by hour."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, sql, words
from dashboards.colours import BAD, LEVELS, SKY, WATCH
from dashboards.columns import Column, steps
from dashboards.panels import grid, table
from dashboards.queries import series
from dashboards.queries import table as ask


def counties() -> Panel:
    """The counties."""
    return _places("县区", "county", columns.county(), "By county.")


def townships() -> Panel:
    """The townships with most to do."""
    return _places("镇街（前 20）", "township", columns.township(), "By township, the first 20.")


def _places(title: str, area: str, name: Column, sentence: str) -> Panel:
    return table(
        title,
        f"各地未结警情，和 24 小时来件与平时（前四周同一天的平均）之比。点名称看该县区。{sentence}",
        ask(_by_place(area)),
        {
            area: name._replace(width=150, links=[links.county()]),
            "county_code": columns.hidden("县区编码"),
            **{level: _lit(columns.LEVEL_NAMES[level], LEVELS[level]) for level in LEVELS},
            "today": columns.count("24 时来件"),
            "usual": Column("平时", columns.COUNT, 80, decimals=1),
            "times": Column("倍数", columns.COUNT, 80, steps=_MUCH, cell=columns.FILLED, decimals=1),
        },
        empty="近 30 天无来件",
    )


_MUCH = steps("transparent", (1.5, SKY), (2, WATCH), (3, BAD))


def _lit(title: str, colour: str) -> Column:
    return Column(title, columns.COUNT, 75, steps=steps("transparent", (1, colour)), cell=columns.FILLED)


def _by_place(area: str) -> str:
    weeks = " OR ".join(f"({_day_before(7 * n)})" for n in range(1, 5))
    return f"""
        SELECT {area}, substring({area}, 1, 6) AS county_code, sum(reds) AS red, sum(yellows) AS yellow,
            sum(blues) AS blue, sum(last_day) AS today, sum(last_weeks) / 4 AS usual, today / nullIf(usual, 0) AS times
        FROM
        (
            SELECT {area}, countIf(level = 'red') AS reds, countIf(level = 'yellow') AS yellows,
                countIf(level = 'blue') AS blues, 0 AS last_day, 0 AS last_weeks
            FROM ({sql.open_alerts("township")})
            GROUP BY {area}
            UNION ALL
            SELECT region AS {area}, 0 AS reds, 0 AS yellows, 0 AS blues,
                sumIf(contacts, {_day_before(0)}) AS last_day, sumIf(contacts, {weeks}) AS last_weeks
            FROM agg_contacts_hourly FINAL
            WHERE area_level = '{area}' AND substring(region, 1, 6) LIKE ${{county:sqlstring}}
                AND bucket > {sql.NOW} - INTERVAL 30 DAY
            GROUP BY {area}
        )
        WHERE {area} != ''
        GROUP BY {area}
        ORDER BY red DESC, yellow DESC, blue DESC, today DESC, {area}
        LIMIT 20"""


def _day_before(days: int) -> str:
    return f"bucket > {sql.NOW} - INTERVAL {days + 1} DAY AND bucket <= {sql.NOW} - INTERVAL {days} DAY"


def hours() -> Panel:
    """Contacts of each county, hour by hour."""
    return grid(
        "县区逐时来件",
        "每县区每小时的来件；越深越多。Contacts by county and hour.",
        series(
            f"""
            SELECT bucket AS time, {sql.named("region", words.counties())} AS county, sum(contacts) AS contacts
            FROM agg_contacts_hourly FINAL
            WHERE {sql.OF_COUNTY} AND region != '' AND $__timeFilter(bucket)
            GROUP BY time, county
            ORDER BY time, county"""
        ),
        steps("transparent", (1, "#DEEBF7"), (3, "#9ECAE1"), (6, "#4292C6"), (12, "#08519C"), (24, "#08306B")),
        unit="suffix:件",
        empty="这段时间无来件",
        name="${__field.labels.county}",
    )
