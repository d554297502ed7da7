"""Letters and visits: rows of a GBK-coded CSV file, Chinese column names, times to the minute."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

COLUMNS = (
    "信访件编号",
    "环节",
    "序号",
    "登记时间",
    "姓名",
    "证件号码",
    "联系电话",
    "住址",
    "问题属地",
    "信访形式",
    "内容分类",
    "概况",
    "涉及单位",
    "转送来源编号",
    "承办单位",
    "满意度",
)
STAGES = {
    "accepted": "受理",
    "dispatched": "转送",
    "transferred": "移送",
    "started": "调查",
    "replied": "答复",
    "resolved": "化解",
    "visited": "回访",
    "closed": "办结",
    "reopened": "复查",
}
ENCODING = "gbk"


def contact(report: Report) -> dict[str, Any]:
    """A registered letter or visit."""
    person = report.person
    row = _row(report.case, "登记", "1", report.occurred_us)
    if person:
        row["姓名"] = person.name
        row["证件号码"] = person.id_number
        row["联系电话"] = person.phone
        row["住址"] = person.address if report.at_home else ""
    row["问题属地"] = report.village.code
    row["信访形式"] = form(report)
    row["内容分类"] = report.kind.zh
    row["概况"] = report.text
    row["涉及单位"] = report.subject
    if report.transfer_of:
        row["转送来源编号"] = report.transfer_of[1]
    return row


def form(report: Report) -> str:
    """How the petition came."""
    return "网上信访" if report.occurred_us % 3 else "来访"


def step(step: Step) -> dict[str, Any]:
    """A step of the handling."""
    row = _row(step.case, STAGES[step.action], str(step.version), step.occurred_us)
    row["问题属地"] = step.village.code
    row["承办单位"] = step.unit
    if step.satisfied is not None:
        row["满意度"] = "满意" if step.satisfied else "不满意"
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """The last line of every file: exported up to this time."""
    return _row("", "导出截止", compact(pulse.occurred_us), pulse.occurred_us)


def _row(case: str, stage: str, number: str, us: int) -> dict[str, Any]:
    date, clock = split(us)
    row = dict.fromkeys(COLUMNS, "")
    row["信访件编号"] = case
    row["环节"] = stage
    row["序号"] = number
    row["登记时间"] = f"{date.replace('-', '/')} {clock[:5]}"
    return row
