"""The grid workers' app: JSON, times in milliseconds, village and grid codes, numbers for kinds."""

from __future__ import annotations

from typing import Any

from dataflows.city.report import Pulse, Report, Step

OPERATIONS = {
    "accepted": 10,
    "dispatched": 20,
    "transferred": 25,
    "started": 30,
    "replied": 35,
    "resolved": 40,
    "closed": 50,
    "visited": 60,
    "reopened": 70,
}
CATEGORIES = {
    "dispute": 1,
    "crime": 2,
    "public_order": 3,
    "traffic": 4,
    "fire": 5,
    "hazard": 6,
    "service": 7,
    "consult": 8,
    "suggestion": 9,
    "other": 10,
}


def contact(report: Report) -> dict[str, Any]:
    """A report entered at the door, by a resident through the worker or by the worker on patrol."""
    kind, person, village = report.kind, report.person, report.village
    patrol = report.reporter_class == "grid_worker"
    row: dict[str, Any] = {
        "eventCode": report.case,
        "op": 1,
        "opSeq": 1,
        "ts": report.occurred_us // 1000,
        "village": village.code,
        "gridCode": f"{village.code}{report.occurred_us // 1_000_000 % 9 + 1:03d}",
        "reportType": "网格巡查" if patrol else "居民反映",
        "kind1": CATEGORIES[kind.category],
        "kind2": kind.zh,
        "desc": report.text,
    }
    if person:
        row["workerTel" if patrol else "residentTel"] = person.phone
        if report.at_home:
            row["house"] = person.address
    if report.violence >= 0:
        row["violenceLevel"] = report.violence
    if report.parties:
        row["partyA"], row["partyB"] = report.parties[0].id_number, report.parties[1].id_number
    if report.subject:
        row["org"] = report.subject
    if report.place:
        row["spot"] = report.place
    return row


def step(step: Step) -> dict[str, Any]:
    """A step that the worker or the village taps in the app."""
    row: dict[str, Any] = {
        "eventCode": step.case,
        "op": OPERATIONS[step.action],
        "opSeq": step.version,
        "ts": step.occurred_us // 1000,
        "village": step.village.code,
        "unitName": step.unit,
        "unitLevel": step.unit_level,
    }
    if step.satisfied is not None:
        row["satisfied"] = int(step.satisfied)
    return row


def pulse(pulse: Pulse) -> dict[str, Any]:
    """A heartbeat of the platform."""
    ms = pulse.occurred_us // 1000
    return {"eventCode": "", "op": 0, "opSeq": ms, "ts": ms}
