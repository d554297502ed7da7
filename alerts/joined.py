"""What the linker has said of one event, from which the pool's rows are made when somebody wants them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from alerts.linker_fold import SCORES
from alerts.model import Event, MatterLink, PooledEvent, from_us

PEOPLE = ("pair", "household", "reporter")  # reasons that only propose


class Joined(Struct, frozen=True, gc=False):
    """An event as it came, and the matter to which it belongs by one decision. Times are microseconds."""

    event: Event
    matter: str
    reason: str
    decided_us: int
    arrived_us: int
    source: str = ""
    previous: str | None = None  # the matter it was in before

    def pooled(self) -> PooledEvent:
        """The event as the pool keeps it."""
        return PooledEvent(in_matter(self.event, self.matter), self.matter, from_us(self.arrived_us), self.source)

    def link(self) -> MatterLink:
        """The decision as the pool keeps it."""
        reason: Any = self.reason
        at, proposed = from_us(self.decided_us), reason in PEOPLE
        return MatterLink(self.event.id, self.matter, reason, SCORES[reason], at, proposed, self.previous)


def in_matter(event: Event, matter: str) -> Event:
    """The event as part of a matter."""
    return event if event.matter == matter else replace(event, matter=matter)
