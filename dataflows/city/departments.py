"""The ten departments: how much they hear, how their rows leave them, and how far behind those rows are."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from dataflows.city.report import Way
from dataflows.city.when import HOUR, MINUTE, SECOND

Even = Callable[[], float]


class Department(Struct, frozen=True):
    """One department as the intake sees it.

    A department with `batch_us` drops a file at every multiple of that time; the others send row by row.
    """

    channel: str
    share: float  # of all reports of the city
    way: Way
    mapping: str
    prefix: str  # of its case numbers
    lag_us: int  # the usual way from the call to us
    withheld: float = 0.0  # part of the reports without a number
    batch_us: int = 0


DEPARTMENTS = {
    department.channel: department
    for department in (
        Department("police", 0.335, "kafka", "police-110", "JJ62", 4 * SECOND, withheld=0.04),
        Department("hotline", 0.36, "kafka", "hotline-12345", "GD62", 40 * SECOND, withheld=0.05),
        Department("petition", 0.02, "file", "petition-letters", "XF62", MINUTE, batch_us=30 * MINUTE),
        Department("grid", 0.12, "kafka", "grid-app", "WG62", 90 * SECOND),
        Department("court", 0.02, "file", "court-mediation", "SF62", 5 * MINUTE, batch_us=6 * HOUR),
        Department("helpdesk", 0.05, "http", "citizen-platform", "BB62", 2 * SECOND),
        Department("superior", 0.005, "file", "superior-orders", "SJ62", MINUTE, batch_us=HOUR),
        Department("walkin", 0.015, "http", "centre-walkin", "ZX62", 3 * SECOND),
        Department("online", 0.03, "http", "citizen-platform", "WM62", 2 * SECOND, withheld=0.2),
        Department("resident", 0.045, "http", "citizen-platform", "QZ62", 2 * SECOND, withheld=0.05),
    )
}


def arrival(department: Department, occurred_us: int, even: Even) -> int:
    """When a row reaches us: soon after, with the next file, and for a few only after hours."""
    if department.batch_us:
        return usual_arrival(department, occurred_us)
    chance = even()
    lag = int(department.lag_us * (0.25 + 1.5 * even()))
    if chance > 0.994:
        lag += int(HOUR * (0.2 + 5 * even()))
        if chance > 0.9995:
            lag += 20 * HOUR
    return occurred_us + lag


def usual_arrival(department: Department, occurred_us: int) -> int:
    """When a row reaches us if nothing goes wrong."""
    if department.batch_us:
        return -(-occurred_us // department.batch_us) * department.batch_us + department.lag_us
    return occurred_us + department.lag_us


def heartbeats(department: Department, at_us: int) -> int:
    """The time up to which the department has sent everything, seen from `at_us`."""
    if department.batch_us:
        return (at_us - department.lag_us) // department.batch_us * department.batch_us
    return at_us - 2 * department.lag_us
