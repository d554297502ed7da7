"""What somebody wants to run: how many people and events, for how long, and how quickly it must come back."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

EVENTS_PER_RESIDENT = 34_000 / 4_000_000  # a day: the simulated city of four million, heartbeats and handling included
ONE_COPY_UNTIL = 10_000_000  # residents: beyond it a machine that fails must not stop anybody

Positive = Annotated[float, Meta(gt=0)]
AtLeastOne = Annotated[float, Meta(ge=1)]


class Centre(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `events_per_day` 0 is what so many residents make, `rules` 0 is the shipped rule book."""

    residents: Annotated[int, Meta(ge=1)] = 4_000_000
    events_per_day: Annotated[float, Meta(ge=0)] = 0.0
    rules: Annotated[int, Meta(ge=0)] = 0
    revisions_per_1000: Annotated[float, Meta(ge=0)] = 0.0  # events; 0 is what the simulated city has
    peak: AtLeastOne = 20.0  # the busiest minutes of a storm against the mean of a day
    outage_hours: Annotated[float, Meta(ge=0)] = 24.0  # of everything but the raw topics
    catch_up_hours: Positive = 2.0  # in which what came meanwhile is worked off
    rebuild_hours: Positive = 8.0  # in which the state of a year is made again from the log
    memory_gb: Positive = 16.0  # that one process of detection may take
    days: Annotated[int, Meta(ge=1)] = 1_100  # that the log and the pool go back
    copies: Annotated[int, Meta(ge=0)] = 0  # of the log and the pool; 0 is one, and three where many people live

    @property
    def events(self) -> float:
        """Events a day."""
        return self.events_per_day or self.residents * EVENTS_PER_RESIDENT

    @property
    def events_per_second(self) -> float:
        """The mean of a day."""
        return self.events / 86_400

    @property
    def kept_copies(self) -> int:
        """How many there are of the log and of the pool."""
        return self.copies or (1 if self.residents <= ONE_COPY_UNTIL else 3)


def centre(**given: object) -> Centre:
    """A centre of what was given. Raises `ValueError` with the name of what is wrong."""
    try:
        return msgspec.convert(given, Centre)
    except msgspec.ValidationError as error:
        wanted, _, where = str(error).removeprefix("Expected ").partition(" - at `$.")
        name = where.rstrip("`")
        raise ValueError(f"`{name}` must be {wanted}; got {given.get(name)}") from None


EXAMPLES = {
    "city": Centre(residents=4_000_000),
    "province": Centre(residents=25_000_000),
    "country": Centre(residents=1_400_000_000),
}
