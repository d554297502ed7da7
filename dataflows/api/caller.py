"""Who asks, and which part of the city they may see: the one place that decides what is theirs.

A region is the code of a county, township or village; "" is the city, which sees all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from alerts.desk.routing import lies_in
from alerts.model import Acted, Instant, Region, Revision
from connectors.redis_keys import names

Code = Annotated[str, Meta(pattern=r"^(\d{6}|\d{9}|\d{12})?$")]


class Caller(Struct, frozen=True):
    """The bearer of a token."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Annotated[str, Meta(min_length=1, max_length=100)]
    region: Code = ""
    expires: Instant | None = None
    signed_in: bool = False  # with an issuer; no file names them

    @property
    def county(self) -> str:
        """The county that theirs is or lies in; "" is all."""
        return self.region[:6]

    @property
    def feed(self) -> str:
        """The feed in which their places count."""
        return names().stream(self.county)

    def is_expired(self, now: datetime) -> bool:
        """Has the token ended?"""
        return self.expires is not None and now >= self.expires

    def sees(self, region: Region) -> bool:
        """Does it lie in theirs? What lies in no known county is the city's alone."""
        return not self.region or (region.county == self.county and lies_in(region, self.region))

    def sees_alert(self, revision: Revision) -> bool:
        """Is an alert theirs, as this revision shows it?"""
        return revision.origin != "shadow" and self.sees(revision.region)

    def sees_silence(self, begun: Acted) -> bool:
        """Does it mute in their region, or is it of somebody of theirs?"""
        matchers = begun.action.silence.matchers if begun.action.silence else None
        is_inside = matchers is not None and matchers.region.startswith(self.region)
        return is_inside or self.sees_action(begun)

    def sees_action(self, acted: Acted) -> bool:
        """Was something done in their region: with an alert of their county, or by somebody of theirs?"""
        action = acted.action
        if not self.region or (action.actor == self.name and action.scope == self.region):
            return True
        return acted.county == self.county and action.scope.startswith(self.region if len(self.region) > 6 else "")
