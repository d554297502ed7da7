"""How much of the feed a Redis holds. Places have no hole, so it is known what readers were told and is not there."""

from __future__ import annotations

from typing import NamedTuple

REMEDY = "stop the flow and run `anlan restore redis`"


class Held(NamedTuple):
    """What it says of itself."""

    place: int  # the last in the feed of all
    lost: int  # revisions before that place which are not there

    def missing(self, told: int) -> int:
        """How many revisions are not there, where readers were told all up to the place `told`."""
        return self.lost + max(0, told - self.place)


def must_be_whole(missing: int) -> str:
    """The sentence about a feed without so many revisions."""
    return f"redis must have the whole feed; got one that lacks {missing:,} of what readers were told"
