"""What Grafana itself reminds people of: duty that is not done. On-call's own alerts are in `deploy/prometheus`."""

from __future__ import annotations

from textwrap import dedent
from typing import Any, NamedTuple

import yaml

from dashboards import links, sql
from dashboards.queries import CLICKHOUSE, PLUGIN_VERSION

FOLDER = "安澜"
GROUP = "值班提醒"


class Reminder(NamedTuple):
    """A number that must be 0; where it is not, somebody is told."""

    uid: str
    title: str
    sentence: str
    sql: str
    severity: str
    lasts: str = "0s"


def reminders() -> list[Reminder]:
    """All of them."""
    return [
        Reminder(
            "anlan-red-not-acked",
            "紧急警情 15 分钟无人签收",
            '{{ index $values "A" }} 件紧急警情等了 15 分钟以上还没有人签收。请打开值班台签收。',
            _unacked("red", 900),
            "page",
        ),
        Reminder(
            "anlan-yellow-not-acked",
            "预警警情一班无人签收",
            '{{ index $values "A" }} 件预警警情等了 12 小时以上还没有人签收。请打开值班台签收。',
            _unacked("yellow", 43_200),
            "ticket",
        ),
        Reminder(
            "anlan-supervision-overdue",
            "督办逾期",
            '{{ index $values "A" }} 件警情的督办到期没有答复。',
            _unanswered(),
            "ticket",
        ),
        Reminder(
            "anlan-pool-behind",
            "数据池半小时没有新来件",
            "数据池最后一件到达已在半小时以前，看板上的数可能是旧的。请看运行看板。",
            f"SELECT toUInt8(max(arrived_at) < {sql.NOW} - INTERVAL 30 MINUTE) AS value FROM events",
            "ticket",
            "5m",
        ),
    ]


def _unacked(level: str, seconds: int) -> str:
    """Alerts of a level that wait for an ack, and have waited without a break for so long.

    An alert waits in revisions that say so: open, at this level or above, not muted. An ack, a close, a mute or a
    lower level is a break, so what waits behind it waits anew.
    """
    return f"""
        SELECT count() AS value
        FROM
        (
            SELECT alert_id
            FROM
            (
                SELECT alert_id, revision, level, dateDiff('second', published_at, {sql.NOW}) AS age,
                    state = 'open' AND {sql.BY_LEVEL} >= {sql.rank(level)}
                        AND JSONLength(route, 'muted_by') = 0 AS waits
                FROM alert_revisions FINAL
                WHERE published_at <= {sql.NOW} AND origin != 'shadow'
            )
            GROUP BY alert_id
            HAVING argMax(level, revision) = '{level}'
                AND maxIf(revision, NOT waits) < maxIf(revision, age > {seconds})
        )"""


def _unanswered() -> str:
    """Open alerts with a supervision notice whose deadline has passed; notices end with their alert."""
    return f"""
        SELECT uniqExact(n.alert_id) AS value
        FROM
        (
            SELECT alert_id, action_id, at FROM alert_actions FINAL
            WHERE action = 'supervise' AND verdict = 'done' AND until <= {sql.NOW}
        ) AS n
        INNER JOIN
        (
            SELECT alert_id, argMax(r.state, revision) AS last_state,
                maxIf(published_at, r.state NOT IN ('open', 'acked')) AS ended_at
            FROM alert_revisions AS r FINAL
            WHERE published_at <= {sql.NOW} AND origin != 'shadow'
            GROUP BY alert_id
        ) AS a ON a.alert_id = n.alert_id
        WHERE last_state IN ('open', 'acked') AND n.at > ended_at AND n.action_id NOT IN
        (
            SELECT of FROM alert_actions FINAL WHERE action = 'answer' AND verdict = 'done' AND at <= {sql.NOW}
        )"""


def provisioned() -> str:
    """The file of Grafana's provisioning. Queries stay as they are: Grafana fills no variables into them."""
    group = {
        "orgId": 1, "name": GROUP, "folder": FOLDER, "interval": "1m",
        "rules": [_rule(reminder) for reminder in reminders()],
    }  # fmt: skip
    head = "# Written by `python -m dashboards`.\n"
    file = {"apiVersion": 1, "groups": [group]}
    return head + yaml.dump(file, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes a query as lines that people can read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _rule(reminder: Reminder) -> dict[str, Any]:
    board = links.UIDS["health" if reminder.uid == "anlan-pool-behind" else "duty-desk"]
    return {
        "uid": reminder.uid,
        "title": reminder.title,
        "condition": "B",
        "for": reminder.lasts,
        "noDataState": "OK",
        "execErrState": "Error",
        "dashboardUid": board,
        "panelId": 2,
        "annotations": {"summary": reminder.title, "description": reminder.sentence},
        "labels": {"severity": reminder.severity, "team": "duty"},
        "data": [_query(reminder), _is_above_zero()],
    }


def _query(reminder: Reminder) -> dict[str, Any]:
    model = {
        "editorType": "sql", "format": 1, "pluginVersion": PLUGIN_VERSION, "queryType": "table",
        "rawSql": dedent(reminder.sql).strip(), "refId": "A",
    }  # fmt: skip
    return {
        "refId": "A", "datasourceUid": CLICKHOUSE.uid, "relativeTimeRange": {"from": 86_400, "to": 0}, "model": model,
    }  # fmt: skip


def _is_above_zero() -> dict[str, Any]:
    evaluator = {"type": "gt", "params": [0]}
    model = {"type": "threshold", "expression": "A", "conditions": [{"evaluator": evaluator}], "refId": "B"}
    return {
        "refId": "B", "datasourceUid": "__expr__", "relativeTimeRange": {"from": 0, "to": 0}, "model": model,
    }  # fmt: skip
