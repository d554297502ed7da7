"""规则, the rules: how much each says, what people made of it, how early it spoke, and when it could not judge."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, sql, variables, words
from dashboards.colours import BAD, GOOD, LEVELS, WATCH
from dashboards.columns import COUNT, MOMENT, Column, steps
from dashboards.layout import Row, board
from dashboards.panels import big_number, stacks, table
from dashboards.queries import series
from dashboards.queries import table as ask

NONE_OPENED = "这段时间没有警情"
DAYS = "(dateDiff('second', $__fromTime, $__toTime) / 86400)"
_FALSE = steps(GOOD, (0.2, WATCH), (0.5, BAD))
GONE = "state IN ('retracted', 'merged')"


def rules() -> dict[str, Any]:
    """The board for those who keep the rules."""
    return board(
        "rules",
        "规则",
        "每条规则说了多少、对不对、提前多久、何时不能判。Rules: load, dispositions, budget, lead time, gaps.",
        [
            Row("概览", 4, [(24, _overview())]),
            Row("警情", 11, [(14, _spoken()), (10, _budget())]),
            Row("每日", 9, [(12, _by_day()), (12, _reasons())]),
            Row("结论与提前量", 10, [(13, _dispositions()), (11, _lead())]),
            Row("不能判的时候", 8, [(12, _gaps()), (12, _late())]),
        ],
        [variables.rules()],
        since="30d",
        refresh="5m",
    )


def opened() -> str:
    """The alerts opened in the range, each with what became of it up to now; shadows too, as `origin` says."""
    return f"""
        SELECT alert_id, rule, argMax(origin, revision) AS origin, argMax(state, revision) AS state,
            min(published_at) AS opened_at, count() AS revisions,
            argMax(level_max, revision) AS highest, minOrNullIf(published_at, level = 'red') AS red_at,
            argMax(due, revision) AS due
        FROM (SELECT * FROM alert_revisions FINAL)
        WHERE published_at <= {sql.NOW} AND rule IN (${{rule:sqlstring}})
        GROUP BY alert_id, rule
        HAVING opened_at >= $__fromTime"""


def _acts() -> str:
    """When each alert was first acked, and what it was found to be."""
    return f"""
        SELECT alert_id, minOrNullIf(at, action = 'ack') AS acked_at,
            argMaxIf(disposition, seq, disposition != '') AS disposition
        FROM alert_actions FINAL
        WHERE verdict = 'done' AND at <= {sql.NOW} AND alert_id != ''
        GROUP BY alert_id"""


def _overview() -> Panel:
    return big_number(
        "规则概览",
        "新开的，撤回并入的，有结论的和其中误报的，未签收过的。Opened, gone, decided, false, never acked.",
        ask(
            f"""
            SELECT count() AS alerts, countIf({GONE}) AS gone, countIf(p.disposition != '') AS decided,
                countIf(p.disposition IN ('false_positive', 'wrong_identity')) / nullIf(decided, 0) AS false_share,
                countIf(p.acked_at IS NULL) AS unacked
            FROM ({opened()}) AS o LEFT JOIN ({_acts()}) AS p ON p.alert_id = o.alert_id
            WHERE origin != 'shadow'"""
        ),
        columns={
            "alerts": Column("新开", "suffix:件"),
            "gone": Column("撤回、并入", "suffix:件"),
            "decided": Column("已有结论", "suffix:件"),
            "false_share": Column("误报率", columns.SHARE, decimals=1, steps=_FALSE),
            "unacked": Column("未签收过", "suffix:件"),
        },
        empty="无可评",
    )


def _spoken() -> Panel:
    return table(
        "各规则",
        "按到过的最高级别计；撤回与并入另计。签收用时是中位数。What each rule said, by the highest level reached.",
        ask(
            f"""
            SELECT rule, rule AS rule_id, origin, countIf(NOT {GONE}) AS alerts,
                countIf(highest = 'red' AND NOT {GONE}) AS red, countIf(highest = 'yellow' AND NOT {GONE}) AS yellow,
                countIf(highest = 'blue' AND NOT {GONE}) AS blue, countIf({GONE}) AS gone, sum(revisions) AS said,
                medianOrNull(dateDiff('second', opened_at, p.acked_at)) AS acked_after
            FROM ({opened()}) AS o LEFT JOIN ({_acts()}) AS p ON p.alert_id = o.alert_id
            GROUP BY rule, origin
            ORDER BY alerts DESC, rule"""
        ),
        {
            "rule": columns.rule()._replace(links=[links.rule()]),
            "rule_id": columns.hidden("规则编号"),
            "origin": Column("运行", width=80, names=columns.named({"live": "上线", "shadow": "影子"})),
            "alerts": columns.count("警情"),
            **{name: Column(columns.LEVEL_NAMES[name], COUNT, 75, steps=steps("transparent", (1, LEVELS[name])),
                            cell=columns.FILLED) for name in LEVELS},
            "gone": columns.count("撤回、并入"),
            "said": columns.count("消息"),
            "acked_after": columns.lasts("签收用时", (3_600, WATCH), (86_400, BAD)),
        },
        empty=NONE_OPENED,
    )  # fmt: skip


def _budget() -> Panel:
    allowed = {f"{rule['id']}/{level}": n for rule in words.rule_files() for level, n in rule.get("budget", {}).items()}
    names, numbers = ", ".join(f"'{name}'" for name in allowed), ", ".join(f"{n:g}" for n in allowed.values())
    return table(
        "噪声预算",
        "每天平均多少件，规则文件准许多少；超过 100% 即超支。Alerts a day beside the noise budget of the rule.",
        ask(
            f"""
            SELECT rule, highest AS level, count() / {DAYS} AS per_day,
                transform(concat(rule, '/', level), [{names}], [{numbers}], NULL) AS budget, per_day / budget AS used
            FROM ({opened()})
            WHERE NOT {GONE}
            GROUP BY rule, level
            ORDER BY used DESC NULLS LAST, rule, level"""
        ),
        {
            "rule": columns.rule(),
            "level": columns.level(),
            "per_day": Column("每天", COUNT, 80, decimals=2),
            "budget": Column("预算", COUNT, 80, decimals=2),
            "used": Column("用去", columns.SHARE, 100, steps=_USED, cell=columns.TINTED),
        },
        empty=NONE_OPENED,
    )


_USED = steps(GOOD, (0.8, WATCH), (1, BAD))


def _by_day() -> Panel:
    return stacks(
        "每日新开",
        "每天各规则新开的警情。Alerts opened a day, by rule.",
        series(
            f"""
            SELECT toStartOfDay(toTimeZone(opened_at, {sql.LOCAL})) AS time,
                {sql.named("rule", words.rules())} AS named, count() AS alerts
            FROM ({opened()})
            WHERE origin != 'shadow'
            GROUP BY time, named
            ORDER BY time, named"""
        ),
        unit="suffix:件",
        name="${__field.labels.named}",
        empty=NONE_OPENED,
    )


def _reasons() -> Panel:
    return stacks(
        "每日消息缘由",
        "每天发布的消息按缘由：新开、升级、上报、撤回等。Revisions a day by reason.",
        series(
            f"""
            SELECT toStartOfDay(toTimeZone(published_at, {sql.LOCAL})) AS time,
                {sql.named("reason", words.REASONS)} AS named, count() AS said
            FROM alert_revisions FINAL
            WHERE $__timeFilter(published_at) AND origin != 'shadow' AND rule IN (${{rule:sqlstring}})
            GROUP BY time, named
            ORDER BY time, named"""
        ),
        unit="suffix:条",
        name="${__field.labels.named}",
        empty=NONE_OPENED,
    )


def _dispositions() -> Panel:
    counts = ", ".join(f"countIf(p.disposition = '{name}') AS {name}" for name in words.DISPOSITIONS)
    return table(
        "处置结论",
        "关闭时人下的结论；误报率只算有结论的。What people found the alerts to be.",
        ask(
            f"""
            SELECT rule, countIf(p.disposition != '') AS decided, {counts},
                (false_positive + wrong_identity) / decided AS false_share
            FROM ({opened()}) AS o INNER JOIN ({_acts()}) AS p ON p.alert_id = o.alert_id
            GROUP BY rule
            HAVING decided > 0
            ORDER BY decided DESC, rule"""
        ),
        {
            "rule": columns.rule(),
            "decided": columns.count("有结论"),
            **{name: columns.count(word) for name, word in words.DISPOSITIONS.items()},
            "false_share": Column("误报率", columns.SHARE, 100, steps=_FALSE, cell=columns.TINTED),
        },
        empty="还没有人下过结论",
    )  # fmt: skip


def _lead() -> Panel:
    return table(
        "提前量",
        "升到紧急前、到期前多久已提示（负为逾期后），中位数。How early it spoke, before red and the deadline.",
        ask(
            f"""
            SELECT rule, countIf(red_at > opened_at) AS to_red,
                medianOrNullIf(dateDiff('second', opened_at, red_at), red_at > opened_at) AS before_red,
                countIf(red_at = opened_at) AS red_at_once, countIf(due IS NOT NULL) AS with_due,
                medianOrNullIf(dateDiff('second', opened_at, due), due IS NOT NULL) AS before_due
            FROM ({opened()})
            WHERE NOT {GONE}
            GROUP BY rule
            HAVING to_red + red_at_once + with_due > 0
            ORDER BY rule"""
        ),
        {
            "rule": columns.rule(),
            "to_red": columns.count("先提示后紧急", 110),
            "before_red": columns.lasts("紧急前"),
            "red_at_once": columns.count("一开即紧急", 100),
            "with_due": columns.count("有期限"),
            "before_due": columns.lasts("到期前"),
        },
        empty="这段时间没有升到紧急或有期限的警情",
    )


def _gaps() -> Panel:
    return table(
        "判断缺口",
        "规则因渠道静默或自身出错而不能判的时段；没有即正常。When a rule could not judge, and why. None is well.",
        ask(
            """
            SELECT from_at, until_at, rule, channel, reason, dateDiff('second', from_at, until_at) AS lasted
            FROM rule_gaps FINAL
            WHERE from_at <= $__toTime AND until_at >= $__fromTime AND rule IN (${rule:sqlstring})
            ORDER BY from_at DESC, rule
            LIMIT 200"""
        ),
        {
            "from_at": Column("从", MOMENT, 120),
            "until_at": Column("到", MOMENT, 120),
            "rule": columns.rule(),
            "channel": Column("渠道", width=110, names=columns.named({**words.channels(), "": "—"})),
            "reason": Column("为何", width=120, names=columns.named(words.GAPS)),
            "lasted": columns.lasts("多久"),
        },
        empty="没有缺口",
    )


def _late() -> Panel:
    return table(
        "迟到",
        "来得太迟、规则不再判的件：已入池，只是这条规则没算。Events too late for a rule; they are kept all the same.",
        ask(
            """
            SELECT rule, channel, count() AS events, max(dateDiff('second', occurred_at, arrived_at)) AS worst
            FROM late_events FINAL
            WHERE $__timeFilter(arrived_at) AND rule IN (${rule:sqlstring})
            GROUP BY rule, channel
            ORDER BY events DESC, rule, channel"""
        ),
        {
            "rule": columns.rule(),
            "channel": Column("渠道", width=120, names=columns.named(words.channels())),
            "events": columns.count("件数"),
            "worst": columns.lasts("最迟"),
        },
        empty="没有迟到",
    )
