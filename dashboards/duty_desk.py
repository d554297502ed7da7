"""值班台, the duty desk: what is open, what is new, what is near, where, and how the chosen matter went."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, open_alerts, places, sql, variables, words
from dashboards.columns import MOMENT, Column
from dashboards.layout import Row, board
from dashboards.panels import big_number, fields_of_json, table
from dashboards.queries import command, last_entries
from dashboards.queries import table as ask


def duty_desk() -> dict[str, Any]:
    """The board that hangs on the wall of the centre."""
    return board(
        "duty-desk",
        "值班台",
        "此刻要人处置的警情。颜色旁都写着级别：R 紧急、Y 预警、B 关注。Duty desk: what needs a person now.",
        [
            Row("此刻", 4, _tiles()),
            Row("未结警情", 11, [(24, open_alerts.listed())]),
            Row("临近与静默", 8, [(14, open_alerts.near()), (10, open_alerts.silences())]),
            Row("在哪里", 10, [(12, places.counties()), (12, places.townships()), (24, places.hours())]),
            Row("事项时间线", 9, [(24, _timeline())]),
            Row("本班", 8, [(12, _done()), (12, _feed())]),
        ],
        [variables.county_or_city(), variables.matter(), variables.api(), variables.runbooks()],
        since="24h",
        refresh="30s",
    )


def _tiles() -> list[tuple[int, Panel]]:
    return [
        *((4, open_alerts.of_level(level)) for level in words.LEVELS),
        (5, open_alerts.opened_in_shift()),
        (3, open_alerts.longest_waiting()),
        (2, open_alerts.silenced()),
        (2, _live()),
    ]


def _live() -> Panel:
    return big_number(
        "实时未结",
        "Redis 中全市未结警情数；与左边三项之和相差过大，说明数据池落后。Open now by Redis, of the whole city.",
        command("ZCARD alerts:open"),
        empty="0",
    )


def _timeline() -> Panel:
    return table(
        "所选事项的时间线",
        "从来件到回访，未选定时是最紧急的一件；不显示原话和身份。The chosen matter, or the most urgent.",
        ask(
            f"""
            SELECT occurred_at, channel, action, link_type, unit, category, substring(township, 1, 6) AS county,
                township, satisfied, reason, arrived_at, matter
            FROM v_matter_timeline
            WHERE matter = if(${{matter:sqlstring}} != '', ${{matter:sqlstring}},
                (
                    SELECT own_matter FROM ({sql.open_alerts("revision, key['matter'] AS own_matter")})
                    WHERE own_matter != '' ORDER BY {sql.BY_LEVEL} DESC, opened_at, alert_id LIMIT 1
                ))
                AND occurred_at <= {sql.NOW}
            ORDER BY occurred_at, event_id
            LIMIT 500"""
        ),
        {
            "occurred_at": Column("何时", MOMENT, 130),
            "channel": Column("渠道", width=120, names=columns.named(words.channels())),
            "action": Column("步骤", width=100, names=columns.named(words.ACTIONS)),
            "link_type": Column("来历", width=80, names=columns.named(words.LINKS)),
            "unit": Column("承办"),
            "category": Column("类别", width=100, names=columns.named(words.CATEGORIES)),
            "county": columns.county(),
            "township": columns.township(),
            "satisfied": Column("满意", width=80),
            "reason": Column("并入依据", width=100, names=columns.named(_JOINED)),
            "arrived_at": Column("收到", MOMENT, 130),
            "matter": Column("事项", width=110),
        },
        empty="没有选定事项，也没有未结的事项警情",
    )


_JOINED = {
    "given": "来件写明", "link": "承接关系", "case": "同一案件", "pair": "同双方", "household": "同一户",
    "reporter": "同一来件人", "first": "首件",
}  # fmt: skip


def _done() -> Panel:
    return table(
        "本班处置",
        "本班谁做了什么；未予办理的写着缘由。What people did in this shift.",
        ask(
            f"""
            SELECT at, actor, action, rule, note, verdict, sentence, alert_id
            FROM alert_actions FINAL
            WHERE at >= {sql.SHIFT_START} AND at <= {sql.NOW} AND (alert_id = '' OR {sql.IN_COUNTY})
            ORDER BY at DESC, seq DESC
            LIMIT 200"""
        ),
        {
            "at": Column("何时", MOMENT, 120),
            "actor": Column("谁", width=90),
            "action": Column("做了", width=90, names=columns.named(words.DOINGS)),
            "rule": columns.rule(),
            "note": Column("说明"),
            "verdict": Column("结果", width=80, names=columns.named(words.VERDICTS)),
            "sentence": Column("缘由"),
            "alert_id": Column("警情", width=90, links=[links.alert()]),
        },
        empty="本班尚无处置",
    )


def _feed() -> Panel:
    return table(
        "最新消息",
        "Redis 推送流的最后 20 条，不经数据池。The last entries of the live feed.",
        last_entries("alerts:all", 20),
        {
            "published_at": Column("何时", MOMENT, 120),
            "level": columns.level(),
            "reason": Column("缘由", width=100, names=columns.named(words.REASONS)),
            "said": Column("何事"),
            "alert_id": Column("警情", width=90, links=[links.alert()]),
        },
        empty="推送流里还没有消息",
        transformed=[
            fields_of_json(
                "json",
                {"published_at": "published_at", "level": "level", "reason": "reason", "text.zh": "said",
                 "alert_id": "alert_id"},
            )
        ],
    )  # fmt: skip
