"""Open alerts: how many of each level, the list, what is near, and what is silenced."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, links, sql, words
from dashboards.colours import BAD, CALM, LEVELS, WATCH
from dashboards.columns import Column, steps
from dashboards.panels import big_number, table
from dashboards.queries import table as ask

QUIET = "平静：无未结警情"


def of_level(level: str) -> Panel:
    """How many alerts of a level are open, on its colour where there are any."""
    word = columns.LEVEL_NAMES[level]
    return big_number(
        word,
        f"{words.LEVELS[level]}级未结警情，其中无人签收的。Open alerts of level {level}, and those nobody has acked.",
        ask(
            f"""
            SELECT count() AS open, countIf(state = 'open') AS unacked
            FROM ({sql.open_alerts("rule")}) WHERE level = '{level}'"""
        ),
        columns={"open": Column("未结"), "unacked": Column("待签收")},
        steps=steps(CALM, (1, LEVELS[level])),
        filled=True,
        empty="0",
    )


def opened_in_shift() -> Panel:
    """What is new."""
    return big_number(
        "本班新增",
        "本班（8 时、20 时交班）新开的警情。Opened in this shift, by level.",
        ask(
            f"""
            SELECT countIf(level = 'red') AS red, countIf(level = 'yellow') AS yellow, countIf(level = 'blue') AS blue
            FROM ({sql.standing("rule")})
            WHERE opened_at >= {sql.SHIFT_START} AND {sql.IN_COUNTY}"""
        ),
        columns={name: Column(columns.LEVEL_NAMES[name], steps=steps("text", (1, LEVELS[name]))) for name in LEVELS},
        empty="0",
    )


def longest_waiting() -> Panel:
    """How long nobody has taken the oldest."""
    return big_number(
        "最久待签收",
        "最早一件无人签收的紧急或预警警情已开多久。The oldest red or yellow alert that nobody has acked.",
        ask(
            f"""
            SELECT if(count() = 0, 0, max(dateDiff('second', opened_at, {sql.NOW}))) AS waited
            FROM ({sql.open_alerts("rule")}) WHERE state = 'open' AND level != 'blue'"""
        ),
        unit=columns.LASTS,
        steps=steps("text", (3_600, WATCH), (14_400, BAD)),
        empty="无",
        decimals=0,
    )


def silenced() -> Panel:
    """How many silences are in force."""
    return big_number(
        "静默",
        "生效中的静默条数；静默只不推送，记录照留。Silences in force.",
        ask(f"SELECT count() AS silences FROM ({_in_force()})"),
        empty="0",
    )


def listed() -> Panel:
    """The list of what is open, with who has it."""
    return table(
        "未结警情",
        "最紧急、最早的在前。点编号打开警情签收、备注、关闭；点事项看时间线。Open alerts, the most urgent first.",
        ask(
            f"""
            SELECT level, a.rule AS rule, said, county, township, dateDiff('second', opened_at, {sql.NOW}) AS age,
                state, if(state = 'acked', p.acked_by, '') AS acked_by, p.assigned_to AS assigned_to,
                a.alert_id AS alert_id, if(own_matter != '', own_matter, m.matter) AS matter, runbook, rule AS rule_id
            FROM ({sql.open_alerts(_ROW)}) AS a
            LEFT JOIN ({sql.people()}) AS p ON p.alert_id = a.alert_id
            LEFT JOIN
            (
                SELECT event_id, argMax(matter, decided_at) AS matter
                FROM matter_links
                WHERE event_id IN (SELECT last_event FROM ({sql.open_alerts(_EVENT)}))
                GROUP BY event_id
            ) AS m ON m.event_id = a.last_event
            ORDER BY {sql.BY_LEVEL} DESC, opened_at, alert_id
            LIMIT 300"""
        ),
        {
            "level": columns.level(),
            "rule": columns.rule(),
            "said": Column("何事"),
            "county": columns.county(),
            "township": columns.township(),
            "age": columns.lasts("已开"),
            "state": Column("状态", width=80, names=columns.named(words.STATES)),
            "acked_by": Column("签收人", width=100),
            "assigned_to": Column("交办", width=110),
            "alert_id": Column("警情", width=110, links=[links.alert(), links.runbook(), links.rule()]),
            "matter": Column("事项", width=110, links=[links.matter()]),
            "runbook": columns.hidden("手册"),
            "rule_id": columns.hidden("规则编号"),
        },
        empty=QUIET,
    )


_EVENT = """revision,
            JSONExtractString(arrayElement(JSONExtractArrayRaw(evidence), -1), 'id') AS last_event"""
_ROW = f"""rule, text.zh AS said, township,
            replaceOne(runbook, 'rb/', '') AS runbook, key['matter'] AS own_matter, {_EVENT}"""


def near() -> Panel:
    """What happens next if nobody does anything."""
    return table(
        "临近",
        "再有一步就升级、四小时内将上报下一级、一天内到期的未结警情。What will happen soon if nobody does anything.",
        ask(
            f"""
            WITH near AS ({sql.open_alerts(_SOON)})
            SELECT what, in_seconds, needs, level, rule, said, county, alert_id
            FROM
            (
                SELECT *, 'level_up' AS what, NULL AS in_seconds, steps_left AS needs FROM near WHERE steps_left = 1
                UNION ALL
                SELECT *, 'escalation' AS what, dateDiff('second', {sql.NOW}, told_at) AS in_seconds, NULL AS needs
                FROM near WHERE told_at BETWEEN {sql.NOW} AND {sql.NOW} + INTERVAL 4 HOUR
                UNION ALL
                SELECT *, 'deadline' AS what, dateDiff('second', {sql.NOW}, due) AS in_seconds, NULL AS needs
                FROM near WHERE due BETWEEN {sql.NOW} AND {sql.NOW} + INTERVAL 1 DAY
            )
            ORDER BY in_seconds NULLS LAST, {sql.BY_LEVEL} DESC, alert_id
            LIMIT 100"""
        ),
        {
            "what": Column("将要", width=100, names=columns.named(_NEAR)),
            "in_seconds": columns.lasts("还有"),
            "needs": Column("差几件", columns.COUNT, 80),
            "level": columns.level(),
            "rule": columns.rule(),
            "said": Column("何事"),
            "county": columns.county(),
            "alert_id": Column("警情", width=110, links=[links.alert()]),
        },
        empty="暂无临近事项",
    )


_NEAR = {"level_up": "升级", "escalation": "上报", "deadline": "到期"}
_SOON = """rule, text.zh AS said, due,
            JSONExtractUInt(nearest_next, 'needs') AS steps_left,
            parseDateTimeBestEffortOrNull(JSONExtractString(route, 'next_repeat_at'), 'UTC') AS told_at"""


def _in_force() -> str:
    """The silences that somebody has begun, nobody has ended, and whose time has come and is not over.

    In a county these are its own and those that mute alerts of every county; one that names an alert is of its county.
    """
    silencing = "JSONExtractRaw(record, 'action', 'silence')"
    return f"""
        SELECT action_id, actor, note, until, at, JSONExtractString({silencing}, 'matchers', 'rule') AS rule,
            JSONExtractString({silencing}, 'matchers', 'region') AS region,
            arrayStringConcat(JSONExtract({silencing}, 'matchers', 'level', 'Array(String)'), ' ') AS levels,
            JSONExtractString({silencing}, 'matchers', 'alert_id') AS alert_id,
            if(region = '' AND alert_id != '', county, substring(region, 1, 6)) AS silenced_in
        FROM alert_actions FINAL
        WHERE action = 'silence' AND verdict = 'done' AND at <= {sql.NOW} AND until > {sql.NOW}
            AND ifNull(
                parseDateTime64BestEffortOrNull(JSONExtractString({silencing}, 'starts_at'), 6, 'UTC'), at
            ) <= {sql.NOW}
            AND action_id NOT IN
            (
                SELECT of FROM alert_actions FINAL
                WHERE action = 'unsilence' AND verdict = 'done' AND at <= {sql.NOW}
            )
            AND (silenced_in = '' OR silenced_in LIKE ${{county:sqlstring}})"""


def silences() -> Panel:
    """What is silenced, by whom, why and until when."""
    return table(
        "生效中的静默",
        "谁为何静默了什么，到何时；关闭即止、升级即止的可能已提前结束。Silences and their ends.",
        ask(
            f"""
            SELECT rule, region, levels, alert_id, actor, note, dateDiff('second', {sql.NOW}, until) AS in_seconds
            FROM ({_in_force()}) ORDER BY in_seconds, action_id LIMIT 100"""
        ),
        {
            "rule": columns.rule(),
            "region": Column("地区", width=110, names=columns.named({**words.counties(), "": "全市"})),
            "levels": Column("级别", width=80),
            "alert_id": Column("警情", width=90, links=[links.alert()]),
            "actor": Column("谁", width=90),
            "note": Column("为何"),
            "in_seconds": columns.lasts("还有"),
        },
        empty="无生效中的静默",
    )
