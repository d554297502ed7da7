"""Orders from above: rows of a UTF-8 CSV file, dates in Chinese words."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

COLUMNS = (
    "交办单号",
    "类型",
    "序号",
    "时间",
    "交办单位",
    "反映人",
    "反映人电话",
    "反映人地址",
    "事项类别",
    "事项内容",
    "属地代码",
    "承办单位",
)
TYPES = {
    "accepted": "签收",
    "dispatched": "分办",
    "replied": "上报结果",
    "closed": "销号",
    "visited": "回访",
    "reopened": "退回重办",
}
ENCODING = "utf-8"


def contact(report: Report) -> dict[str, Any]:
    """A matter that a superior body hands down."""
    person = report.person
    row = _row(report.case, "交办", "1", report.occurred_us)
    row["交办单位"] = sender(report)
    if person:
        row["反映人"], row["反映人电话"] = person.name, person.phone
        row["反映人地址"] = person.address if report.at_home else ""
    row["事项类别"] = report.kind.zh
    row["事项内容"] = report.text
    row["属地代码"] = report.village.code
    return row


def sender(report: Report) -> str:
    """Who hands it down."""
    return "省信访联席办" if report.occurred_us % 2 else "省12345平台"


def step(step: Step) -> dict[str, Any]:
    """A step of the order."""
    row = _row(step.case, TYPES[step.action], str(step.version), step.occurred_us)
    row["属地代码"] = step.village.code
    row["承办单位"] = step.unit
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """The last line of every file."""
    return _row("", "截止", compact(pulse.occurred_us), pulse.occurred_us)


def _row(case: str, kind: str, number: str, us: int) -> dict[str, Any]:
    date, clock = split(us)
    row = dict.fromkeys(COLUMNS, "")
    row["交办单号"], row["类型"], row["序号"] = case, kind, number
    row["时间"] = f"{date[:4]}年{date[5:7]}月{date[8:]}日 {clock[:5]}"
    return row
