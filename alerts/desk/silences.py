"""Silences: a person mutes the delivery of matching alerts until a time (semantics 8)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from alerts.desk.routing import fits_rule, lies_in
from alerts.model import Matchers, Revision


class Silence(Struct, frozen=True):
    """One silence: its id is that of the action which began it. Times are microseconds."""

    id: str
    actor: str
    why: str
    matchers: Matchers
    starts: int
    until: int
    on_close: bool = False
    on_level_rise: bool = False
    mute_level_rise: bool = False

    def state(self, at: int) -> str:
        """`pending`, `active` or `expired`."""
        if at < self.starts:
            return "pending"
        return "active" if at < self.until else "expired"

    def mutes(self, revision: Revision, at: int, is_rise: bool) -> bool:
        """Does it mute this revision of an alert? A level rise only where it says so."""
        return self.starts <= at < self.until and (self.mute_level_rise or not is_rise) and self.fits(revision)

    def fits(self, revision: Revision) -> bool:
        """Does everything that its matchers name hold for the alert?"""
        wanted = self.matchers
        return (
            (not wanted.alert_id or wanted.alert_id == revision.alert_id)
            and (not wanted.rule or fits_rule(wanted.rule, revision.rule))
            and (not wanted.level or revision.level in wanted.level)
            and (not wanted.region or lies_in(revision.region, wanted.region))
            and wanted.key.items() <= revision.key.items()
        )


def muting(silences: Iterable[Silence], revision: Revision, at: int, is_rise: bool) -> list[str]:
    """The silences that mute a revision, as it names them."""
    return [f"silence:{each.id}" for each in silences if each.mutes(revision, at, is_rise)]
