"""One line of an answer: what is needed, by which formula, and what that stands on."""

from __future__ import annotations

from typing import Literal, NamedTuple

Basis = Literal["measured", "extrapolated", "assumed"]

GB, MB, HOUR, DAY = 1e9, 1e6, 3_600, 86_400


class Need(NamedTuple):
    """One line."""

    part: str
    what: str
    value: float
    unit: str
    formula: str
    basis: Basis


def shown(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"
