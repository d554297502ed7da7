"""What a rule may name: the fields of an event, and what is derived from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from operator import attrgetter
from typing import Any, cast

from msgspec import Struct

from alerts.channel import Channel
from alerts.model import Event

Getter = Callable[[Event], Any]

EVENT_FIELDS = tuple(name for name in Event.__struct_fields__ if name not in ("link", "attrs"))
NESTED_FIELDS = ("link.type", "link.to")
DERIVED_FIELDS = ("county", "township", "village", "channel_rank", "hour_of_day")

# what the signature of an event tells: many events share one, so what follows from it is found once
SIGNED_FIELDS = (
    "channel", "channel_rank", "action", "category", "subcategory", "reporter_class", "satisfied", "violence", "cues",
    "link.type",
)  # fmt: skip

LOCAL_OFFSET_HOURS = 8  # Asia/Shanghai has had no daylight saving since 1991


def county_of(event: Event) -> str | None:
    """The six digits of the county, from `region` or `grid`."""
    code = event.region or event.grid
    return code[:6] if code else None


def township_of(event: Event) -> str | None:
    """The nine digits of the township, from the longer of `region` and `grid`."""
    return _prefix(event, 9)


def village_of(event: Event) -> str | None:
    """The twelve digits of the village or community, from the longer of `region` and `grid`."""
    return _prefix(event, 12)


def _prefix(event: Event, digits: int) -> str | None:
    for code in (event.region, event.grid):
        if code and len(code) >= digits:
            return code[:digits]
    return None


Signature = tuple[object, ...]


def signature_of(event: Event) -> Signature:
    """Everything that decides the `SIGNED_FIELDS` of an event."""
    link = event.link
    return (
        event.channel, event.action, event.category, event.subcategory, event.reporter_class, event.satisfied,
        event.violence, event.cues, None if link is None else link.type,
    )  # fmt: skip


class LinkType(Struct, frozen=True):
    """How events hang on earlier ones, without which."""

    type: object


class Outline(Struct, frozen=True):
    """What all events of a signature show: what reads anything else of it ends in an `AttributeError`."""

    channel: object
    action: object
    category: object
    subcategory: object
    reporter_class: object
    satisfied: object
    violence: object
    cues: object
    link_type: object

    @property
    def link(self) -> LinkType | None:
        """Its kind alone."""
        return None if self.link_type is None else LinkType(self.link_type)


def outline_of(signature: Signature) -> Event:
    """An event that shows its signature and nothing else."""
    return cast("Event", Outline(*signature))


def known_fields() -> tuple[str, ...]:
    """Every name a rule may use, `attrs.<name>` apart."""
    return EVENT_FIELDS + NESTED_FIELDS + DERIVED_FIELDS


def getter(name: str, channels: Mapping[str, Channel]) -> Getter:
    """The function that reads a field of an event; None where the event does not have it.

    Raises `KeyError` with the name if a rule may not name it.
    """
    if name.startswith("attrs.") and len(name) > len("attrs."):
        inner = name.removeprefix("attrs.")
        return lambda event: event.attrs.get(inner)
    if name in EVENT_FIELDS:
        return attrgetter(name)
    ranks = {channel.id: channel.rank for channel in channels.values()}
    special: dict[str, Getter] = {
        "link.type": lambda event: event.link.type if event.link else None,
        "link.to": lambda event: (event.link.to or None) if event.link else None,
        "county": county_of,
        "township": township_of,
        "village": village_of,
        "channel_rank": lambda event: ranks.get(event.channel),
        "hour_of_day": lambda event: (event.occurred_at.astimezone(UTC).hour + LOCAL_OFFSET_HOURS) % 24,
    }
    return special[name]
