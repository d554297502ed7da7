"""What is kept of each alert of a backtest: when it reached which level, where, and how it ended."""

from __future__ import annotations

from msgspec import Struct

from alerts.alert import Draft
from alerts.model import LEVELS, Level, to_us

GONE = ("retracted", "merged")


class AlertLine(Struct):
    """One alert in numbers. `known` are those of its evidence that somebody watches, `evidence` counts all."""

    id: str
    rule: str
    key: dict[str, str]
    opened_us: int
    reached_us: list[int]  # for each level when it was first reached, 0 if never
    is_shadow: bool = False
    state: str = "open"
    reason: str = ""
    county: str = ""
    revisions: int = 0
    evidence: int = 0
    known: tuple[str, ...] = ()
    ended_us: int = 0
    disposition: str = ""

    @property
    def level(self) -> int:
        """The highest level it had, as a position in LEVELS."""
        return max(number for number, at in enumerate(self.reached_us) if at)

    @property
    def level_name(self) -> Level:
        """The highest level it had."""
        return LEVELS[self.level]

    @property
    def raised_us(self) -> int:
        """When it reached its highest level: the moment that the desk had to act on."""
        return self.reached_us[self.level]

    @property
    def is_gone(self) -> bool:
        """Taken back, or part of another alert."""
        return self.state in GONE


class Tally:
    """Takes drafts in order and keeps a line for each alert."""

    def __init__(self, watched: frozenset[str]) -> None:
        self._watched = watched
        self._lines: dict[str, AlertLine] = {}

    def take(self, draft: Draft) -> None:
        """One more draft of an alert; one that is standing changes nothing but the evidence."""
        revision = draft.revision
        line = self._lines.get(revision.alert_id)
        at = to_us(revision.detected_at)
        if line is None:
            line = self._lines[revision.alert_id] = AlertLine(
                revision.alert_id, revision.rule, revision.key, at, [0] * len(LEVELS)
            )
            line.is_shadow = revision.origin == "shadow"
        line.evidence = len(draft.evidence_ids)
        line.known = tuple(event for event in draft.evidence_ids if event in self._watched)
        line.county = revision.region.county or line.county
        if not draft.standing:
            self._revise(line, draft, at)

    @staticmethod
    def _revise(line: AlertLine, draft: Draft, at: int) -> None:
        revision = draft.revision
        line.revisions += 1
        line.state, line.reason = revision.state, revision.reason
        line.ended_us = at if revision.state in ("closed", *GONE) else 0
        level = LEVELS.index(revision.level)
        line.reached_us[level] = line.reached_us[level] or at

    def lines(self) -> list[AlertLine]:
        """Every alert, in the order of opening."""
        return sorted(self._lines.values(), key=lambda line: (line.opened_us, line.rule, line.id))
