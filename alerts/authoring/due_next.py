"""What is owed and comes due next: the open obligations by the time of their next stage.

The terms are folded from the events alone, as the obligation itself folds them; a term that was given up since nobody
waits for it any more (`expired`) is not told apart from an open one, but its stages have all passed.
"""

from __future__ import annotations

from msgspec import Struct

from alerts.authoring.hindsight import Hindsight
from alerts.entry import LEVEL_NAME, Key
from alerts.kinds.obligation import ObligationPlan
from alerts.kinds.term import Stage, fold
from alerts.model import ALWAYS, Level


class DueNext(Struct, frozen=True):
    """One open obligation and its next stage; event times in microseconds."""

    rule: str
    key: Key
    stage: str  # as the rule writes it, `80%` or `4d`
    level: Level
    at: int  # of the stage
    due: int
    opened: int
    case: str | None = None


def due_next(hindsight: Hindsight, at: int) -> list[DueNext]:
    """Every obligation that is open at event time `at` and has a stage still to come, the soonest first."""
    found: list[DueNext] = []
    for rule, key in hindsight.counted_keys():
        if not isinstance(rule.plan, ObligationPlan):
            continue
        entries = [entry for entry in hindsight.entries(rule, key) if entry[0] <= at]
        budget = rule.plan.budget
        for term in fold(entries, budget, 1, {}):
            coming = [(time, stage) for time, stage in zip(term.times, budget.stages, strict=True) if time > at]
            if term.ended is None and coming and min(coming)[0] < ALWAYS:
                time, stage = min(coming, key=_time)
                first = term.entries[0]
                level = LEVEL_NAME[stage.level]
                found.append(DueNext(rule.id, key, stage.at, level, time, term.due, first[0], first[6].case))
    return sorted(found, key=lambda each: (each.at, each.rule, each.key))


def _time(coming: tuple[int, Stage]) -> int:
    return coming[0]
