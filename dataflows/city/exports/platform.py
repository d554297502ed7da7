"""The citizens' platform: one JSON export for three channels, told apart by a column."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step
from dataflows.city.when import compact, split

STATES = {
    "accepted": "已受理",
    "dispatched": "已派单",
    "transferred": "已转办",
    "replied": "已答复",
    "resolved": "已解决",
    "closed": "已办结",
    "visited": "已评价",
    "reopened": "已重开",
    "urged": "已催办",
}


def contact(report: Report) -> dict[str, Any]:
    """Something a citizen sent in from a phone."""
    kind, person, village = report.kind, report.person, report.village
    row: dict[str, Any] = {
        "door": report.channel,
        "ticket": report.case,
        "state": "已提交",
        "n": 1,
        "at": _utc(report.occurred_us),
        "mobile": person.phone if person else None,
        "nick": person.name if person else None,
        "kind": kind.zh,
        "words": report.text,
        "region": village.code,
    }
    if report.channel == "resident":
        spread = report.occurred_us // 1_000_000 % 1000
        row["pos"] = {"lat": round(36.0 + spread / 10_000, 6), "lng": round(103.7 + spread / 9_000, 6)}
    if person and report.at_home:
        row["home"] = person.address
    if report.place:
        row["spot"] = report.place
    if report.transfer_of:
        row["from"] = {"channel": report.transfer_of[0], "no": report.transfer_of[1]}
    return row


def step(step: Step) -> dict[str, Any]:
    """A change of state of the ticket."""
    row: dict[str, Any] = {
        "door": step.channel,
        "ticket": step.case,
        "state": STATES[step.action],
        "n": step.version,
        "at": _utc(step.occurred_us),
        "region": step.village.code,
        "handler": step.unit,
    }
    if step.satisfied is not None:
        row["stars"] = 5 if step.satisfied else 1
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """A heartbeat of one door."""
    return {
        "door": pulse.channel,
        "ticket": "",
        "state": "心跳",
        "n": int(compact(pulse.occurred_us)),
        "at": _utc(pulse.occurred_us),
    }


def _utc(us: int) -> str:
    date, clock = split(us - 8 * 3_600_000_000)
    return f"{date}T{clock}Z"
