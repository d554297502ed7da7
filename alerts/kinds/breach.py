"""What a term of an obligation says, given the stages of it that were asserted: its episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from alerts.duration import SECOND_US, Span
from alerts.entry import RED, Verdict
from alerts.episode import Episode, Facts
from alerts.kinds.term import Budget, Stage, Term
from alerts.model import ALWAYS, Confidence, State, from_us


class Assertion(NamedTuple):
    """A stage of which it was said that nothing satisfied the obligation before: at which time, and how sure."""

    time: int
    confidence: Confidence
    by: tuple[dict[str, Any], ...] = ()


def episode_of(term: Term, said: Sequence[Assertion], budget: Budget, bump: int, until: int) -> tuple[Episode, bool]:
    """The episode of a term with at least one asserted stage, and whether it has ended.

    `until` is the event time up to which absence was vouched for. What is retracted keeps the level it had.
    """
    ending = _ending(term, any(stage.is_breach for stage in budget.stages[: len(said)]))
    held = min(term.passed(until), len(said))
    shown = len(said) if ending is not None and ending[0] == "retracted" else held or len(said)
    stage, assertion = budget.stages[shown - 1], said[shown - 1]
    episode = Episode()
    episode.number = term.number
    episode.open = ending is None
    episode.closed = term.ended or 0
    episode.matched = min(term.times[shown - 1], assertion.time)
    episode.last = term.entries[-1][0]
    episode.bonus = bump if stage.is_breach and term.is_bumped() else 0
    episode.level = min(stage.level + episode.bonus, RED)
    episode.best = Verdict(episode.level, count=len(term.entries))
    episode.evidence = {entry[2]: entry for entry in term.entries}
    episode.channels = tuple(dict.fromkeys(entry[6].channel for entry in term.entries))
    episode.unit = next((unit for entry in reversed(term.entries) if (unit := entry[6].unit) is not None), None)
    episode.ending = ending or episode.ending
    episode.facts = Facts(
        due=None if term.due == ALWAYS else from_us(term.due),
        stage=stage.at,
        breach_seconds=_breach_seconds(term, episode.matched),
        confidence=assertion.confidence,
        vouched_by=assertion.by,
        calendar_version=budget.calendar.version if budget.due.working and budget.calendar else None,
        words=_words(budget, stage),
    )
    return episode, ending is not None


def _ending(term: Term, was_breached: bool) -> tuple[State, str] | None:
    if term.satisfied is None:
        return None if term.expired is None else ("expired", "expired")
    if not term.is_in_time():
        return ("closed", "satisfied_late")
    return ("retracted", "late_evidence") if was_breached else ("closed", "satisfied")


def _breach_seconds(term: Term, matched: int) -> int | None:
    """From due to the satisfaction, or to the stage that is shown; None where the budget was not used up."""
    until = matched if term.satisfied is None else term.satisfied
    if term.is_in_time() or until < term.due:
        return None
    return (until - term.due) // SECOND_US


def _words(budget: Budget, stage: Stage) -> dict[str, Any]:
    name = stage.name
    return {
        "used": list(Span(stage.amount_us, budget.due.working).words()),
        "due": list(budget.due.words()),
        "stage": [name.zh, name.en] if name else [stage.at, stage.at],
    }
