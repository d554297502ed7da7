"""What the doctor says about one thing."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.doctor.examination import CHECKS
from dataflows.doctor.line import Line, lines_of
from dataflows.settings import Settings


def said(area: str, settings: Settings) -> list[Line]:
    """What one check says, as the doctor asks it."""
    ((_, check, remedy),) = (each for each in CHECKS if each[0] == area)
    return list(lines_of(area, check, settings, remedy))


def verdicts(lines: Iterable[Line]) -> list[str]:
    """How it is, line by line."""
    return [line.verdict for line in lines]


def line_of(area: str, lines: Iterable[Line]) -> Line:
    """The one line about an area."""
    (found,) = (line for line in lines if line.area == area)
    return found
