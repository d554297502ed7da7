"""The centre's own counter: a form filled in by hand, so the same thing is spelled in more than one way."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

STEPS = {
    "accepted": "受理",
    "dispatched": "分流",
    "transferred": "转办",
    "replied": "答复",
    "resolved": "调解成功",
    "closed": "办结",
    "visited": "回访",
    "reopened": "重新受理",
}


def contact(report: Report) -> dict[str, Any]:
    """Somebody at the counter."""
    kind, person, village = report.kind, report.person, report.village
    row: dict[str, Any] = {
        "登记号": report.case,
        "事项": "登记",
        "第几次": 1,
        "登记时间": _minute(report.occurred_us),
        "来访人": person.name if person else "",
        "身份证": person.id_number if person else "",
        "电话": f" {person.phone} " if person else "",
        "住址": person.address if person and report.at_home else "",
        "类别": kind.zh,
        "诉求": report.text,
        "属地": village.code,
        "涉事单位": report.subject,
    }
    if report.parties:
        row["对方身份证"] = report.parties[1].id_number
    return row


def step(step: Step) -> dict[str, Any]:
    """A step written into the register."""
    row: dict[str, Any] = {
        "登记号": step.case,
        "事项": STEPS[step.action],
        "第几次": step.version,
        "登记时间": _minute(step.occurred_us),
        "属地": step.village.code,
        "承办": step.unit,
    }
    if step.satisfied is not None:
        row["评价"] = "满意" if step.satisfied else "不满意"
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """The counter's screen says that it is on."""
    return {
        "登记号": "",
        "事项": "心跳",
        "第几次": int(compact(pulse.occurred_us)),
        "登记时间": _minute(pulse.occurred_us),
    }


def _minute(us: int) -> str:
    date, clock = split(us)
    return f"{date} {clock[:5]}"
