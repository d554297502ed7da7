"""Police 110: flat JSON, initials of words as columns, local times without a zone, code tables."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

ACTIONS = {
    "accepted": "受理",
    "dispatched": "派警",
    "transferred": "转办",
    "started": "到场",
    "replied": "反馈",
    "resolved": "处置完毕",
    "closed": "结案",
    "visited": "回访",
    "reopened": "重启",
}
# Alarm types; a dispute is one code, and what it is about stands in a second column.
ALARMS = {
    "crime/theft": "100100",
    "crime/fraud": "100600",
    "crime/injury": "100500",
    "public_order/fight": "200100",
    "public_order/noise": "200400",
    "public_order/gambling": "200700",
    "traffic/accident": "300100",
    "traffic/congestion": "300500",
    "traffic/parking": "300200",
    "fire/blaze": "400100",
    "hazard/manhole": "609900",
    "hazard/wire": "600200",
    "hazard/gas": "500500",
    "service/water": "601300",
    "service/heating": "600600",
    "service/power": "600201",
    "service/sanitation": "600601",
    "service/rescue": "500100",
    "service/lift": "500301",
    "consult/social_security": "600300",
    "consult/household": "650200",
    "consult/medical": "600100",
    "consult/schooling": "600800",
    "other/lost": "500200",
    "other/misc": "999900",
    "suggestion": "950100",
}
DISPUTE, FAMILY = "200200", "200600"
VIOLENCE = ("无", "言语冲突", "肢体冲突", "致人受伤")
CALLERS = {"citizen": "群众", "staff": "内部", "grid_worker": "网格员", "organisation": "单位"}
WITHHELD = "未显示号码"


def contact(report: Report) -> dict[str, Any]:
    """A call to 110 as the dispatch system exports it."""
    kind, person, village = report.kind, report.person, report.village
    date, clock = split(report.occurred_us)
    if kind.category == "dispute":
        code = FAMILY if kind.subcategory == "family" else DISPUTE
    else:
        code = ALARMS.get(f"{kind.category}/{kind.subcategory}") or ALARMS[kind.category]
    row = {
        "JLLX": "接警",
        "JJDBH": report.case,
        "XH": "1",
        "FSSJ": f"{date} {clock}",
        "BJLXDM": code,
        "JFLB": kind.zh if kind.category == "dispute" else "",
        "BJRXM": person.name if person else "",
        "LXDH": person.phone if person else WITHHELD,
        "BJRLX": CALLERS[report.reporter_class],
        "SFDZ": village.township + village.short,
        "JTZZ": person.address if person and report.at_home else "",
        "XZQHDM": village.code,
        "BJNR": report.text,
        "GXDW": village.township.removesuffix("街道") + "派出所",
        "SJDW": report.subject,
        "AFDD": report.place,
    }
    if report.violence >= 0:
        row["BLCD"] = VIOLENCE[report.violence]
    if report.parties:
        row["DSRYZJ"], row["DSREZJ"] = report.parties[0].id_number, report.parties[1].id_number
    return row


def step(step: Step) -> dict[str, Any]:
    """A step of the handling: the same table, fewer columns filled."""
    date, clock = split(step.occurred_us)
    row = {
        "JLLX": ACTIONS[step.action],
        "JJDBH": step.case,
        "XH": str(step.version),
        "FSSJ": f"{date} {clock}",
        "XZQHDM": step.village.code,
        "GXDW": step.unit,
    }
    if step.satisfied is not None:
        row["MYD"] = "满意" if step.satisfied else "不满意"
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """A heartbeat of the exchange."""
    date, clock = split(pulse.occurred_us)
    return {"JLLX": "心跳", "JJDBH": "", "XH": compact(pulse.occurred_us), "FSSJ": f"{date} {clock}"}
