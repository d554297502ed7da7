"""The 12345 hotline: nested JSON, times with an offset, Chinese words, and where an order came from."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

EVENTS = {
    "accepted": "accept",
    "dispatched": "assign",
    "transferred": "transfer",
    "started": "start",
    "extension_granted": "extend",
    "extension_ended": "extendEnd",
    "replied": "reply",
    "resolved": "resolve",
    "visited": "revisit",
    "closed": "finish",
    "reopened": "reopen",
    "urged": "urge",
}
TYPES = {
    "dispute": "纠纷",
    "crime": "线索",
    "public_order": "治安",
    "traffic": "交通",
    "fire": "火情",
    "hazard": "隐患",
    "service": "求助",
    "consult": "咨询",
    "suggestion": "建议",
    "other": "其他",
}
CALLERS = {"citizen": "市民", "staff": "内部工作人员", "grid_worker": "网格员", "organisation": "企业单位"}
SOURCES = {"police": "110", "petition": "信访局", "helpdesk": "小兰帮办", "hotline": "12345"}


def contact(report: Report) -> dict[str, Any]:
    """A work order at the moment it is written."""
    kind, person, village = report.kind, report.person, report.village
    row: dict[str, Any] = {
        "orderNo": report.case,
        "event": "create",
        "seq": 1,
        "time": _iso(report.occurred_us),
        "caller": {
            "name": person.name if person else "匿名",
            "phone": _spell(person.phone, report.occurred_us) if person else "",
            "type": CALLERS[report.reporter_class] if person else "匿名",
        },
        "areaCode": village.code[:9],
        "type1": TYPES[kind.category],
        "type2": kind.zh,
        "content": report.text,
        "target": report.subject,
        "location": report.place,
    }
    if person and report.at_home:
        row["address"] = person.address
    if report.violence >= 0:
        row["violence"] = report.violence
    if report.parties:
        row["parties"] = {"a": report.parties[0].id_number, "b": report.parties[1].id_number}
    if report.transfer_of:
        channel, case = report.transfer_of
        row["source"] = {"from": SOURCES[channel], "no": case}
    return row


def step(step: Step) -> dict[str, Any]:
    """A step of the work order."""
    row: dict[str, Any] = {
        "orderNo": step.case,
        "event": EVENTS[step.action],
        "seq": step.version,
        "time": _iso(step.occurred_us),
        "areaCode": step.village.code[:9],
        "unit": {"name": step.unit, "level": step.unit_level},
    }
    if step.satisfied is not None:
        row["result"] = "满意" if step.satisfied else "不满意"
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """A heartbeat of the export job."""
    return {
        "orderNo": "",
        "event": "heartbeat",
        "seq": int(compact(pulse.occurred_us)),
        "time": _iso(pulse.occurred_us),
    }


def _iso(us: int) -> str:
    date, clock = split(us)
    return f"{date}T{clock}+08:00"


def _spell(phone: str, us: int) -> str:
    """Call-takers write numbers as they like: the same number comes in three spellings."""
    style = us // 1_000_000 % 16 if phone.isdecimal() else 2
    if style == 0:
        return f"+86 {phone}"
    if style == 1:
        return f"{phone[:3]}-{phone[3:7]}-{phone[7:]}"
    return phone
