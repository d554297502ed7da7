"""One line of what the doctor says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from msgspec import Struct

from dataflows.failures import SAID
from dataflows.settings import Settings

Verdict = Literal["ok", "attention", "broken"]
GRAVITY: tuple[Verdict, ...] = ("ok", "attention", "broken")


class Line(Struct, frozen=True):
    """What was looked at, how it is, and what to do about it; `remedy` is empty where nothing is to be done."""

    area: str
    verdict: Verdict
    says: str
    remedy: str = ""


Check = Callable[[Settings], Iterable[Line]]


def ok(area: str, says: str) -> Line:
    """All is well."""
    return Line(area, "ok", says)


def attention(area: str, says: str, remedy: str) -> Line:
    """It works, and will not for ever."""
    return Line(area, "attention", says, remedy)


def broken(area: str, says: str, remedy: str) -> Line:
    """Nothing, or not what is promised, comes of it as it is."""
    return Line(area, "broken", says, remedy)


def lines_of(area: str, check: Check, settings: Settings, remedy: str) -> Iterator[Line]:
    """What a check says; where it cannot look at all, the sentence of why."""
    try:
        yield from check(settings)
    except SAID as error:
        yield broken(area, str(error), remedy)


def worst(lines: Iterable[Line]) -> int:
    """0 where all is well, 1 where something wants attention, 2 where something is broken."""
    return max((GRAVITY.index(line.verdict) for line in lines), default=0)
