"""match: one event is enough; its level is the highest rung that fits it (semantics 7)."""

from __future__ import annotations

from alerts.entry import SELECTED, Entry, Verdict
from alerts.kinds.judge import Running
from alerts.kinds.tally import Tally
from alerts.model import Event
from alerts.select import Predicate


class Match:
    """Every selected event that fits a rung is a finding. `rungs` are (what must fit, level number), highest first."""

    lazy = waits = False
    spare = stays_silent = None
    least = 1

    def __init__(self, rungs: list[tuple[Predicate | None, int]]) -> None:
        self.rungs = rungs

    def values(self, event: Event) -> tuple[object, ...]:
        """The level of the event, 0 for none."""
        return (next((level for fits, level in self.rungs if fits is None or fits(event)), 0),)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Latest(size)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """A match is just that."""
        return ()


class _Latest:
    """The level of the newest event, and how many contacts there were."""

    __slots__ = ("contacts", "level", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.contacts = Tally(size)
        self.level = 0

    def copy(self) -> Running:
        twin = _Latest(self.size)
        twin.contacts = self.contacts.copy()
        twin.level = self.level
        return twin

    def take(self, entry: Entry) -> None:
        if entry[4] & SELECTED:
            self.contacts.move(entry[0])
            self.contacts.add(entry[0], entry[3])
            self.level = int(entry[5][0])  # type: ignore[call-overload]

    def verdict(self, *, settled: bool) -> Verdict | None:
        return Verdict(self.level, len(self.contacts)) if self.level else None
