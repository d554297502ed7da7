"""Two rule books over one history: which alerts both raise, which only one, and who is earlier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from msgspec import Struct

from dataflows.backtest_tally import AlertLine

FOREVER = 1 << 62


class Overlap(Struct, frozen=True):
    """One rule in two books, A (the one under test) and B (the one it is held against)."""

    rule: str
    only_a: int
    only_b: int
    both: int
    earlier_us: tuple[int, ...]  # for each alert of both, by how much A opens it before B; negative is later
    level_changed: int  # how many of both reach another level

    @property
    def median_earlier_us(self) -> int | None:
        """By how much A is earlier as a rule."""
        return int(median(self.earlier_us)) if self.earlier_us else None


def overlaps(a: Iterable[AlertLine], b: Iterable[AlertLine]) -> list[Overlap]:
    """The books compared rule by rule: alerts with the same key that are open at the same time are one."""
    lines_a, lines_b = _by_rule(a), _by_rule(b)
    return [_overlap(rule, lines_a[rule], lines_b[rule]) for rule in sorted({*lines_a, *lines_b})]


def _by_rule(lines: Iterable[AlertLine]) -> dict[str, list[AlertLine]]:
    found: dict[str, list[AlertLine]] = defaultdict(list)
    for line in lines:
        if not line.is_gone:
            found[line.rule].append(line)
    return found


def _overlap(rule: str, a: Sequence[AlertLine], b: Sequence[AlertLine]) -> Overlap:
    waiting: dict[tuple[tuple[str, str], ...], list[AlertLine]] = defaultdict(list)
    for line in b:
        waiting[_key(line)].append(line)
    pairs = []
    for line in a:
        others = waiting[_key(line)]
        match = next((other for other in others if _meets(line, other)), None)
        if match is not None:
            others.remove(match)
            pairs.append((line, match))
    return Overlap(
        rule,
        only_a=len(a) - len(pairs),
        only_b=len(b) - len(pairs),
        both=len(pairs),
        earlier_us=tuple(other.opened_us - line.opened_us for line, other in pairs),
        level_changed=sum(line.level != other.level for line, other in pairs),
    )


def _key(line: AlertLine) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(line.key.items()))


def _meets(one: AlertLine, other: AlertLine) -> bool:
    return one.opened_us <= (other.ended_us or FOREVER) and other.opened_us <= (one.ended_us or FOREVER)
