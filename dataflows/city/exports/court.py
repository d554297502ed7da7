"""Court mediation: rows of a spreadsheet, all cells text, date and time of day in two columns."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

COLUMNS = (
    "案号",
    "节点",
    "次",
    "日期",
    "时间",
    "申请人",
    "申请人证件",
    "申请人电话",
    "被申请人",
    "被申请人证件",
    "案由",
    "诉请摘要",
    "辖区代码",
    "承办",
)
NODES = {
    "accepted": "立案登记",
    "started": "开始调解",
    "resolved": "达成协议",
    "closed": "结案",
    "visited": "回访",
    "reopened": "恢复调解",
}


def contact(report: Report) -> dict[str, Any]:
    """An application for mediation before a suit."""
    person = report.person
    row = _row(report.case, "收案", "1", report.occurred_us)
    if person:
        row["申请人"], row["申请人证件"], row["申请人电话"] = person.name, person.id_number, person.phone
    if report.parties:
        row["被申请人"], row["被申请人证件"] = report.parties[1].name, report.parties[1].id_number
    row["案由"] = report.kind.zh
    row["诉请摘要"] = report.text
    row["辖区代码"] = report.village.code[:6]
    return row


def step(step: Step) -> dict[str, Any]:
    """A node of the case."""
    row = _row(step.case, NODES[step.action], str(step.version), step.occurred_us)
    row["辖区代码"] = step.village.code[:6]
    row["承办"] = step.unit
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """The last row of the sheet."""
    return _row("", "数据截止", compact(pulse.occurred_us), pulse.occurred_us)


def _row(case: str, node: str, number: str, us: int) -> dict[str, Any]:
    row = dict.fromkeys(COLUMNS, "")
    row["案号"], row["节点"], row["次"] = case, node, number
    row["日期"], row["时间"] = split(us)
    return row
