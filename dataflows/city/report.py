"""The nouns of the simulated city: what happened, what a department did, and the raw row that leaves it."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from dataflows.city.kinds import Kind
from dataflows.city.people import Person
from dataflows.city.places import Village

Way = Literal["kafka", "file", "http"]


class RawRow(Struct, frozen=True, gc=False):
    """One row as a department's system lets it go: not an Event v1, and full of people's data.

    `row` is a dictionary of the columns, or bytes where the row is broken on purpose.
    `story` names the planted story the row belongs to, None for the city's everyday.
    """

    arrives_at_us: int
    channel: str
    way: Way
    mapping: str
    row: dict[str, Any] | bytes
    story: str | None = None


class Report(Struct, gc=False):
    """One contact: somebody tells a department something."""

    channel: str
    case: str
    occurred_us: int
    kind: Kind
    village: Village
    text: str
    person: Person | None = None  # None where the number is withheld
    reporter_class: str = "citizen"
    violence: int = -1  # -1 where nobody noted it
    parties: tuple[Person, Person] | None = None
    at_home: bool = True  # the address is a home, exact to the door
    subject: str = ""
    place: str = ""  # where it happened, if that is not a home
    transfer_of: tuple[str, str] | None = None  # (channel, case) that handed this over


class Step(Struct, gc=False):
    """One step in the handling of a case."""

    channel: str
    case: str
    action: str
    version: int
    occurred_us: int
    village: Village
    unit: str = ""
    unit_level: int = 3
    satisfied: bool | None = None


class Pulse(Struct, gc=False):
    """A heartbeat: the department says that everything up to `occurred_us` has been sent."""

    channel: str
    occurred_us: int


def event_id(channel: str, case: str, action: str = "received", version: int = 1) -> str:
    """The id that the mappings build for a contact or a step; the ground truth counts on it."""
    return f"{channel}/{case}/{action}/{version}"
