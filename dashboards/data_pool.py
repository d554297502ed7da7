"""数据池, the data pool: what comes in, how it is answered, what is more than usual."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, rates, safety, variables, volumes
from dashboards.colours import BAD, BLUE, GOOD, WATCH
from dashboards.columns import COUNT, Column, steps
from dashboards.layout import Row, board
from dashboards.panels import table
from dashboards.queries import table as ask


def data_pool() -> dict[str, Any]:
    """The board for those who look at weeks and months."""
    return board(
        "data-pool",
        "数据池",
        "来件多少、办得如何、何处突增；不显示任何人。Data pool: volumes, rates, surges.",
        [
            Row("概览", 4, [(8, volumes.contacts()), *((4, rates.tile(name)) for name in rates.RATES),
                          (4, safety.index())]),
            Row("来件", 9, [(14, volumes.by_channel()), (10, volumes.by_category()), (24, _counties())]),
            Row("同比与环比", 8, [(24, volumes.by_month())]),
            Row("办理", 8, [(12, rates.by_day()), (12, rates.mediation_by_week()), (24, rates.mediation())]),
            Row("突增", 9, [(24, volumes.against_usual()), (24, volumes.surges())]),
            Row("平安指数（自定）", 9, [(9, safety.parts()), (8, safety.by_day()), (7, safety.by_county())]),
        ],
        [variables.county_or_city(), variables.channels(), variables.categories(), variables.api()],
        since="30d",
        refresh="5m",
    )  # fmt: skip


def _counties() -> Panel:
    joined = "\n".join(
        f"LEFT JOIN ({rates.counted(name, 'region')}) AS {name} ON {name}.region = c.region" for name in rates.RATES
    )
    fair = steps(BAD, (0.7, WATCH), (0.9, GOOD))
    return table(
        "各县区",
        "各县区来件与三率；点名称看该县区。Contacts and rates by county.",
        ask(
            f"""
            SELECT c.region AS county, c.region AS county_code, contacts, change, year_change,
                if(closing.all_of = 0, NULL, closing.rate) AS closing_rate,
                if(response.all_of = 0, NULL, response.rate) AS response_rate,
                if(satisfaction.all_of = 0, NULL, satisfaction.rate) AS satisfaction_rate
            FROM ({volumes.compared("region")}) AS c
            {joined}
            WHERE contacts + before > 0
            ORDER BY contacts DESC, county"""
        ),
        {
            "county": columns.county()._replace(links=[links.county()]),
            "county_code": columns.hidden("县区编码"),
            "contacts": Column("来件", COUNT, cell=columns.BAR, steps=steps(BLUE)),
            "change": Column("环比", columns.SHARE, 100, decimals=1, steps=volumes.CHANGE, cell={"type": "color-text"}),
            "year_change": Column("同比", columns.SHARE, 100, decimals=1, steps=volumes.CHANGE,
                                  cell={"type": "color-text"}),
            **{f"{name}_rate": Column(rate.title, columns.SHARE, 120, decimals=1, steps=fair, cell=columns.TINTED)
               for name, rate in rates.RATES.items()},
        },
        empty=volumes.NOTHING,
    )  # fmt: skip
