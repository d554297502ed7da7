"""Costs from what was measured: lines and powers through the sizes that were fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import linear_regression
from typing import NamedTuple

import numpy as np

from benchmarks.sizing.kept import Look


class Line(NamedTuple):
    """`base + slope × size`."""

    base: float
    slope: float

    def at(self, size: float) -> float:
        """The value of a size."""
        return self.base + self.slope * size


class Power(NamedTuple):
    """`factor × reports^a × days^b`; the reports are those of all days."""

    factor: float
    reports: float
    days: float

    def at(self, reports: float, days: float) -> float:
        """The value of a size and an age."""
        return float(self.factor * reports**self.reports * days**self.days)


def line(points: Iterable[tuple[float, float]]) -> Line:
    """The line through points of size and value."""
    found = linear_regression(*zip(*points, strict=True))
    return Line(found.intercept, found.slope)


def power(looks: Sequence[Look]) -> Power:
    """The CPU seconds of looks as a product of powers of their reports and days."""
    known = np.array([(1.0, np.log(look.reports), np.log(look.days)) for look in looks])
    found, *_ = np.linalg.lstsq(known, np.log([look.cpu_seconds for look in looks]), rcond=None)
    return Power(float(np.exp(found[0])), float(found[1]), float(found[2]))


def linking_share(whole: float, halved: float, rules: int, halved_rules: int) -> float:
    """How much of a cost does not come of rules, from all rules and from some of them."""
    per_rule = (whole - halved) / (rules - halved_rules)
    return min(1.0, max(0.0, 1 - per_rule * rules / whole))
