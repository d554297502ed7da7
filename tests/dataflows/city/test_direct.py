"""The short way and the long way make the same events of the same city."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from alerts.model import Event, from_us
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mappings
from connectors.registry import load_channels
from dataflows.city import City
from dataflows.city.city import MAPPINGS_FOLDER
from dataflows.city.direct import city_keyring, events
from dataflows.city.stories import YEAR_CATALOGUE

SPAN = {"days": 30, "reports_per_day": 150, "with_broken": False, "catalogue": YEAR_CATALOGUE}


@pytest.fixture(scope="module")
def city() -> City:
    return City(**SPAN)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def direct(city: City) -> list[Event]:
    return list(events(city))


def test_events_are_those_of_the_mappings_but_for_the_text(city: City, direct: list[Event]) -> None:
    mappings = load_mappings(
        MAPPINGS_FOLDER, channels=load_channels(), keyring=city_keyring(city.seed), lexicon=load_lexicon()
    )
    mapped = [
        msgspec.structs.replace(event, arrived_at=from_us(row.arrives_at_us), text=None)
        for row in city.rows()
        if isinstance(row.row, dict)
        for event in mappings[row.mapping].admit(row.row)
        if isinstance(event, Event)
    ]

    differing = [(one, other) for one, other in zip(direct, mapped, strict=True) if one != other]
    assert not differing, differing[0]


def test_events_come_in_the_order_of_their_arrival(direct: list[Event]) -> None:
    arrivals = [event.arrived_at for event in direct if event.arrived_at]

    assert len(arrivals) == len(direct)
    assert arrivals == sorted(arrivals)


def test_what_happens_outside_has_a_place(direct: list[Event]) -> None:
    places = Counter(event.place for event in direct if event.place)

    assert places.most_common(1)[0][1] >= 9, "the black spot"
    assert {event.category for event in direct if event.place} == {"public_order", "traffic", "fire", "hazard"}


def test_a_silent_channel_sends_nothing_and_then_everything(city: City, direct: list[Event]) -> None:
    outage = next(story.outage for story in city.stories if story.outage)
    start, end = from_us(outage.start_us), from_us(outage.end_us)

    arrived = [event for event in direct if event.channel == outage.channel and event.arrived_at]
    assert not [event for event in arrived if event.arrived_at and start <= event.arrived_at < end]
    assert [event for event in arrived if event.arrived_at == end]
