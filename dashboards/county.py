"""县区, one county: the same for the county that is chosen. It reads only what a county's own user may read."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, open_alerts, places, rates, safety, sql, variables, volumes, words
from dashboards.columns import MOMENT, Column
from dashboards.layout import Row, board
from dashboards.panels import table
from dashboards.queries import table as ask


def county() -> dict[str, Any]:
    """The board of a county's own centre."""
    return board(
        "county",
        "县区",
        "一个县区的警情、来件与办理。只用该县区账号可读的数据。One county: alerts, volumes, rates.",
        [
            Row("此刻", 4, [*((5, open_alerts.of_level(level)) for level in words.LEVELS),
                          (6, open_alerts.opened_in_shift()), (3, open_alerts.longest_waiting())]),
            Row("未结警情", 10, [(24, _open())]),
            Row("临近与本班", 8, [(14, open_alerts.near()), (10, _done())]),
            Row("镇街", 10, [(12, places.townships()), (12, _townships())]),
            Row("来件", 4, [(12, volumes.contacts()), *((4, rates.tile(name)) for name in rates.RATES)]),
            Row("走势", 9, [(14, volumes.by_channel()), (10, volumes.by_category())]),
            Row("办理", 8, [(12, rates.by_day()), (12, rates.mediation())]),
            Row("突增", 8, [(24, volumes.against_usual()), (24, volumes.surges())]),
            Row("平安指数（自定）", 8, [(4, safety.index()), (11, safety.parts()), (9, safety.by_day())]),
        ],
        [variables.one_county(), variables.channels(), variables.categories(), variables.api(), variables.runbooks()],
        since="30d",
        refresh="2m",
    )  # fmt: skip


def _open() -> Panel:
    return table(
        "未结警情",
        "本县区未结警情，最紧急、最早的在前。点编号签收、备注、关闭。Open alerts of the county.",
        ask(
            f"""
            SELECT level, rule, said, township, dateDiff('second', opened_at, {sql.NOW}) AS age, state,
                if(state = 'acked', p.acked_by, '') AS acked_by, p.assigned_to AS assigned_to, a.alert_id AS alert_id,
                runbook
            FROM ({sql.open_alerts(_ROW)}) AS a
            LEFT JOIN ({sql.people()}) AS p ON p.alert_id = a.alert_id
            ORDER BY {sql.BY_LEVEL} DESC, opened_at, alert_id
            LIMIT 300"""
        ),
        {
            "level": columns.level(),
            "rule": columns.rule(),
            "said": Column("何事"),
            "township": columns.township(),
            "age": columns.lasts("已开"),
            "state": Column("状态", width=80, names=columns.named(words.STATES)),
            "acked_by": Column("签收人", width=100),
            "assigned_to": Column("交办", width=110),
            "alert_id": Column("警情", width=110, links=[links.alert(), links.runbook()]),
            "runbook": columns.hidden("手册"),
        },
        empty=open_alerts.QUIET,
    )


_ROW = "rule, text.zh AS said, township, replaceOne(runbook, 'rb/', '') AS runbook"


def _done() -> Panel:
    return table(
        "本班处置",
        "本班谁对本县区的警情做了什么。What people did in this shift.",
        ask(
            f"""
            SELECT at, actor, action, rule, verdict, alert_id
            FROM alert_actions FINAL
            WHERE at >= {sql.SHIFT_START} AND at <= {sql.NOW} AND {sql.IN_COUNTY}
            ORDER BY at DESC, seq DESC
            LIMIT 200"""
        ),
        {
            "at": Column("何时", MOMENT, 120),
            "actor": Column("谁", width=90),
            "action": Column("做了", width=90, names=columns.named(words.DOINGS)),
            "rule": columns.rule(),
            "verdict": Column("结果", width=80, names=columns.named(words.VERDICTS)),
            "alert_id": Column("警情", width=90, links=[links.alert()]),
        },
        empty="本班尚无处置",
    )


def _townships() -> Panel:
    return table(
        "镇街办理",
        "所选各日登记的事项：多少、办结多少。Registered and closed, by township.",
        ask(
            f"""
            SELECT township, count() AS matters, sum(good) AS closed, closed / matters AS closing_rate
            FROM ({rates.CLOSING})
            WHERE region LIKE ${{county:sqlstring}} AND township != '' AND {rates.CATEGORY}
            GROUP BY township
            ORDER BY matters DESC, township
            LIMIT 50"""
        ),
        {
            "township": columns.township(),
            "matters": columns.count("登记"),
            "closed": columns.count("办结"),
            "closing_rate": Column("办结率", columns.SHARE, decimals=1, cell=columns.BAR),
        },
        empty=volumes.NOTHING,
    )
