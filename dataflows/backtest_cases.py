"""Which cases the alerts of a backtest have found, and how much time that won."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from alerts.model import LEVELS, Level, from_us, to_us
from dataflows.backtest_tally import AlertLine
from dataflows.city.planted import Case

Outcome = Literal["found", "too_low", "missed", "not_judged"]
BEFORE = timedelta(hours=1)  # an alert may be a little older than the case: a window that was half full


class Judged(Struct, frozen=True):
    """One case, and what came of it."""

    case: Case
    outcome: Outcome
    level: Level | None = None
    alert: str = ""
    lead_us: int | None = None  # from the level that it must reach to the end of the case

    @property
    def lead(self) -> timedelta | None:
        """The time won; negative where the alert came after the end."""
        return None if self.lead_us is None else timedelta(microseconds=self.lead_us)


def judge(cases: Iterable[Case], lines: Sequence[AlertLine], rules: Iterable[str]) -> list[Judged]:
    """Hold the cases against the alerts of the rules that ran; those of other rules are not judged."""
    running = frozenset(rules)
    by_rule: dict[str, list[AlertLine]] = defaultdict(list)
    for line in lines:
        if not line.is_gone:
            by_rule[line.rule].append(line)
    return [_judge(case, by_rule[case.rule]) if case.rule in running else Judged(case, "not_judged") for case in cases]


def _judge(case: Case, lines: Sequence[AlertLine]) -> Judged:
    about = [line for line in lines if is_about(line, case)]
    if not about:
        return Judged(case, "missed")
    wanted = LEVELS.index(case.must_reach)
    reached = [(at, line) for line in about if (at := first_reached(line, wanted))]
    if not reached:
        highest = max(about, key=lambda line: line.level)
        return Judged(case, "too_low", highest.level_name, highest.id)
    at, first = min(reached, key=lambda each: each[0])
    highest = max(about, key=lambda line: line.level)
    return Judged(case, "found", highest.level_name, first.id, to_us(case.ends_at) - at)


def first_reached(line: AlertLine, level: int) -> int:
    """When the alert first stood at that level or higher; 0 if never."""
    return min((at for at in line.reached_us[level:] if at), default=0)


def is_about(line: AlertLine, case: Case) -> bool:
    """Whether an alert is about a case: by its evidence, or by its key and the time."""
    if not case.starts_at - BEFORE <= from_us(line.opened_us) <= case.until:
        return False
    hits = len(frozenset(line.known) & frozenset(case.event_ids)) if line.known else 0
    if hits and hits >= case.share * line.evidence:
        return True
    return bool(case.about) and not frozenset(case.about).isdisjoint(line.key.values())


def watched_by(cases: Iterable[Case]) -> frozenset[str]:
    """The events of all cases."""
    return frozenset(event for case in cases for event in case.event_ids)
