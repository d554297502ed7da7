"""How near a key is to firing, found by trying: how many further reports, the best there could be, does it take?

Every rung is a verdict of `reference`. Reports that would help are added right at the instant of asking, one more
each time, until the verdict speaks. Nothing here is shared with the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import reference as by_definition
from reference import Report, Verdict

Helpful = Callable[[int], Iterator[list[dict[str, Any]]]]  # for a number of reports: all that could help


class Rung(NamedTuple):
    """One rung: its level, what it needs in all, its verdict, and the reports that could help to reach it."""

    level: int
    needed: int
    verdict: Verdict
    helpful: Helpful


def missing(rung: Rung, reports: list[Report], at: int, size: int) -> int | None:
    """The least number of further reports at `at` that make the rung speak; None where none can."""
    window = [r for r in sorted(reports, key=lambda r: (r["t"], r["rank"], r["id"])) if at - size < r["t"] <= at]
    for number in range(1, rung.needed + 1):
        for chosen in rung.helpful(number):
            if rung.verdict([*window, *(_further(n, each, at) for n, each in enumerate(chosen))]) is not None:
                return number
    return None


def nearest(rungs: list[Rung], reports: list[Report], at: int, size: int, above: int) -> tuple[int, int, int] | None:
    """(missing, level, needed) of the nearest rung above a level; None where nothing counts toward any."""
    found = []
    for rung in rungs:
        number = missing(rung, reports, at, size)
        if rung.level > above and number is not None and number < rung.needed:
            found.append((number, -rung.level, number / rung.needed, rung.needed))
    if not found:
        return None
    number, level, _, needed = min(found)
    return number, -level, needed


def counts(gte: int, level: int) -> Rung:
    """At least so many contacts."""
    return Rung(level, gte, by_definition.count({gte: level}), _any)


def distinct(of: str, gte: int, level: int) -> Rung:
    """At least so many values."""
    verdict = by_definition.distinct(of, {gte: level})
    return Rung(level, gte, verdict, lambda n: iter([[{of: f"new-{i}"} for i in range(n)]]))


def steps(names: list[str], within: int, gap_max: int | None, level: int) -> Rung:
    """All of some steps in order."""
    verdict = by_definition.in_order(names, within, gap_max, {len(names): level})
    return Rung(level, len(names), verdict, lambda n: ([{"steps": {s}} for s in c] for c in product(names, repeat=n)))


def climbs(of: str, values: range, needed: int, level: int, least: int | None = None) -> Rung:
    """So many rising steps, or a rise to at least a value."""
    by_steps, by_last = ({needed: level}, {}) if least is None else ({}, {least: level})
    verdict = by_definition.climb(of, needed, by_steps, by_last)
    return Rung(level, needed, verdict, lambda n: ([{of: v} for v in c] for c in product(values, repeat=n)))


def after(cue: str, prior: int, level: int) -> Rung:
    """A cue after so many contacts."""
    verdict = by_definition.after_contact(cue, prior, level)
    return Rung(level, prior + 1, verdict, lambda n: iter([[{cue: i == n - 1} for i in range(n)]]))


def _any(number: int) -> Iterator[list[dict[str, Any]]]:
    yield [{} for _ in range(number)]


def _further(number: int, fields: dict[str, Any], at: int) -> Report:
    blank: Report = {"channel_rank": None, "violence": None, "weapon": False, "reporter": None, "steps": set()}
    name = f"further-{number}"
    return {**blank, "t": at, "rank": 9, "id": name, "contact": name, "selected": True, **fields}
