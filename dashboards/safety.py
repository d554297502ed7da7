"""平安指数, ours, with its parts open to see: what each is worth, what it says, and what it is made of."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, sql, words
from dashboards.colours import BAD, BLUE, GOOD, WATCH
from dashboards.columns import COUNT, Column, steps
from dashboards.panels import big_number, lines, table
from dashboards.queries import series
from dashboards.queries import table as ask

GOODNESS = steps(BAD, (60, WATCH), (80, GOOD))
AREA = """if(${county:sqlstring} = '%', area_level = 'city', area_level = 'county' AND region = ${county:sqlstring})"""
OURS = "本系统自定的简明指数，不是任何机关发布的平安指数。"


def index() -> Panel:
    """The index of the last day."""
    return big_number(
        "平安指数（自定）",
        f"{OURS}满分 100，五项加权，见构成。Our own plain index, not that of any authority.",
        ask(f"SELECT safety_index FROM v_safety_index WHERE {AREA} AND day = {_LAST}"),
        steps=GOODNESS,
        decimals=1,
        empty="无可评",
    )


_LAST = f"(SELECT max(bucket) FROM agg_contacts_daily FINAL WHERE bucket <= {sql.LAST_DAY})"


def parts() -> Panel:
    """The parts of the last day."""
    return table(
        "指数的构成",
        "平稳：近 30 天日均来件不多于再前 30 天为 100 分，翻倍为 0 分；两率即百分数。The parts and weights.",
        ask(
            f"""
            SELECT part, weight, score, value, usual
            FROM v_safety_parts WHERE {AREA} AND day = {_LAST} ORDER BY weight DESC, part"""
        ),
        {
            "part": Column("项目", width=100, names=columns.named(words.PARTS)),
            "weight": columns.count("权重"),
            "score": Column("得分", COUNT, decimals=1, steps=GOODNESS, cell=columns.BAR),
            "value": Column("近30天", COUNT, 100, decimals=2),
            "usual": Column("前30天", COUNT, 100, decimals=2),
        },
        empty="还没有 30 天可评",
    )


def by_day() -> Panel:
    """Day by day."""
    return lines(
        "指数走势",
        f"{OURS}每天各算近 30 天。The index by day.",
        series(
            f"""
            SELECT toDateTime(day, {sql.LOCAL}) AS time, safety_index
            FROM v_safety_index
            WHERE {AREA} AND day BETWEEN {sql.FIRST_DAY} AND {sql.LAST_DAY} AND safety_index IS NOT NULL
            ORDER BY time"""
        ),
        unit="none",
        titles={"safety_index": "平安指数"},
        coloured={"safety_index": BLUE},
        top=100,
        decimals=1,
        empty="还没有 30 天可评",
    )


def by_county() -> Panel:
    """Each county on the last day."""
    return table(
        "各县区指数",
        f"{OURS}得分低者在前；可评权重不足 100 的，有的项无可比。By county, the lowest first.",
        ask(
            f"""
            SELECT region AS county, region AS county_code, safety_index, weight
            FROM v_safety_index
            WHERE {sql.OF_COUNTY} AND region != '' AND day = {_LAST}
            ORDER BY safety_index NULLS LAST, county"""
        ),
        {
            "county": columns.county()._replace(links=[links.county()]),
            "county_code": columns.hidden("县区编码"),
            "safety_index": Column("指数", COUNT, decimals=1, steps=GOODNESS, cell=columns.BAR),
            "weight": columns.count("可评权重"),
        },
        empty="还没有 30 天可评",
    )
