"""Small pieces for tests against a broker: rows and arrivals to write, and reading what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from alerts.model import Arrival, Event, Slice, from_us
from connectors.kafka import IntakeLogSink, LogSource, RawProducer, RawRecord

T = TypeVar("T")
NOON = 1_767_240_000_000_000
REGIONS = ("620102", "620103", "620104", "620105", "620111", "620121", None)


class Clock:
    """A clock that the test moves."""

    def __init__(self, now_us: int = NOON) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


def until(ask: Callable[[], T], seconds: float = 10.0) -> T:
    """Ask until the answer is true, with a bound."""
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        pass
    assert answer
    return answer


def arrival(number: int) -> Arrival:
    region = REGIONS[number % len(REGIONS)]
    event = Event(f"e{number}", "police", "received", from_us(NOON), region=region)
    return Arrival(event, 0, f"kafka:raw.police/0/{number}", NOON - number)


def arrivals(first: int, count: int) -> list[Arrival]:
    return [arrival(number) for number in range(first, first + count)]


def write(bootstrap: str, topic: str, batches: list[list[Arrival]], clock: Clock, state: int = 0) -> int:
    """One life of the intake's sink: it starts, writes, takes a snapshot and is gone."""
    part = IntakeLogSink(bootstrap, clock, topic).build_part("s", "log", state)
    for batch in batches:
        part.write_batch([batch])
    return part.snapshot()


def read_log(bootstrap: str, topic: str) -> list[Slice]:
    """The whole log, as a bounded read gives it."""
    part = LogSource(bootstrap, topic, until_end=True).build_part("s", "log", None)
    slices: list[Slice] = []
    drain(part.next_batch, slices)
    part.close()
    return slices


def drain(next_batch: Callable[[], list[T]], into: list[T], seconds: float = 20.0) -> None:
    """Read until the source says that it has ended, with a bound."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            into.extend(next_batch())
    except StopIteration:
        return
    raise AssertionError(f"source must end within {seconds:g} s; got {len(into)} items")


def taken(slices: list[Slice]) -> list[Arrival]:
    return [one for s in slices for one in s.arrivals]


def names(slices: list[Slice]) -> list[str]:
    return [one.event.id for one in taken(slices)]


def fill(bootstrap: str, topic: str, numbers: range) -> None:
    with RawProducer(bootstrap) as producer:
        for number in numbers:
            producer.send(topic, b"%d" % number, partition=number % 2)


def numbers_of(batches: list[list[RawRecord]]) -> list[int]:
    return sorted(int(record.value) for batch in batches for record in batch)
