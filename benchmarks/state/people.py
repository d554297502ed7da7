"""Reports of many people, as slices of the intake log: each person is a key of every rule that counts by person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.json import Decoder

from alerts.model import DISPUTE_CLASSES, Arrival, Event, Slice, from_us, to_us
from alerts.pipeline import in_slices

SLICE = 1_000
START_US = 1_767_225_600_000_000
CHANNELS = ("police", "hotline", "petition", "grid")
AREAS = 120
TEXT = "本人反映楼上住户深夜噪音扰民，多次沟通无果，希望有关部门尽快上门处理并予以答复，谢谢。"


def city(history: Path) -> Iterator[Slice]:
    """The events of a history of a city, in order of arrival."""
    return in_slices(_arrivals(history), SLICE)


def _arrivals(history: Path) -> Iterator[Arrival]:
    decode = Decoder(Event).decode
    with history.open("rb") as lines:
        for number, line in enumerate(lines):
            event = decode(line)
            assert event.arrived_at is not None
            yield Arrival(event, to_us(event.arrived_at), f"history:{number}")


def report(number: int, person: int, at_us: int) -> Arrival:
    """One report of a person at an instant."""
    area = person * 7 % AREAS
    event = Event(
        id=f"ev-{number:09}",
        channel=CHANNELS[number % len(CHANNELS)],
        action="received",
        occurred_at=from_us(at_us - 30_000_000),
        arrived_at=from_us(at_us),
        case=f"k1:case{number:018}",
        reporter=f"k1:person{person:016}",
        place=f"k1:place{person // 3:017}",
        region=f"6201{area % 8:02}{area:03}001",
        category="dispute",
        subcategory=DISPUTE_CLASSES[person % len(DISPUTE_CLASSES)],
        violence=0,
        text=TEXT,
    )
    return Arrival(event, at_us, f"kafka:raw.{event.channel}/0/{number}", at_us - 5_000)


def slices(people: int, more: int, per_second: float, start_us: int = START_US) -> Iterator[Slice]:
    """A report of each person, one after the other, and then `more` reports of the same people, spread over them."""
    step_us = int(1e6 / per_second)
    part: list[Arrival] = []
    for number in range(people + more):
        person = number if number < people else number * 2_654_435_761 % people
        part.append(report(number, person, start_us + number * step_us))
        if len(part) == SLICE or number == people + more - 1:
            yield Slice(part[-1].arrived_us, part)
            part = []
