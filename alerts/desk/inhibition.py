"""Inhibition: a bigger alert that is open mutes smaller ones that it explains (semantics 8).

It is not transitive: an alert that is itself muted by a bigger one mutes no other, so behind every inhibited alert
stands one that people were told of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from alerts.desk.routing import Inhibition, values_of
from alerts.model import Revision

Place = tuple[int, tuple[str, ...]]  # number of the inhibition, and what must be equal


class Sources:
    """The open alerts that may mute others, by what must be equal."""

    def __init__(self, inhibitions: Sequence[Inhibition]) -> None:
        self._inhibitions = inhibitions
        self._alerts: dict[Place, set[str]] = {}
        self._places: dict[str, list[Place]] = {}

    def inhibiting(self, revision: Revision, vouch: Sequence[str]) -> list[str]:
        """The alerts that mute this one, for which these channels must vouch, in the order of their ids."""
        found = {
            source
            for number, inhibition in enumerate(self._inhibitions)
            if inhibition.is_target(revision)
            for place in _places(number, inhibition, revision, vouch)
            for source in self._alerts.get(place, ())
        }
        return sorted(found - {revision.alert_id})

    def enter(self, revision: Revision, vouch: Sequence[str]) -> None:
        """The alert as it stands now, for which these channels must vouch, may mute others."""
        self.leave(revision.alert_id)
        for number, inhibition in enumerate(self._inhibitions):
            if inhibition.is_source(revision):
                for place in _places(number, inhibition, revision, vouch):
                    self._alerts.setdefault(place, set()).add(revision.alert_id)
                    self._places.setdefault(revision.alert_id, []).append(place)

    def leave(self, alert_id: str) -> bool:
        """The alert mutes no other any more; whether it could."""
        places = self._places.pop(alert_id, [])
        for place in places:
            self._alerts[place].discard(alert_id)
            if not self._alerts[place]:
                del self._alerts[place]
        return bool(places)


def _places(number: int, inhibition: Inhibition, revision: Revision, vouch: Sequence[str]) -> Iterator[Place]:
    for values in product(*(sorted(values_of(revision, name, vouch)) for name in inhibition.equal)):
        yield number, values
