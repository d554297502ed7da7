"""A simulated city that calls at an even pace, each event as if it had just happened; it comes sealed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from alerts.model import Event, from_us
from connectors.kafka import RawProducer, raw_topic
from connectors.lexicon import load_lexicon
from connectors.seal import load_sealer
from dataflows.admission import SEALED
from dataflows.city.city import City
from dataflows.city.direct import Direct, city_keyring
from dataflows.city.report import Report
from dataflows.cli.city import a_year

DAYS, REPORTS = 40, 2_000.0
OCCURRED_BEFORE_US = 1_000_000
PACE_SECONDS = 0.01


class Calls:
    """What a city tells, in its order, for as long as somebody asks."""

    def __init__(self, bootstrap: str, public_key: Path) -> None:
        self._events = with_words(a_year(DAYS, REPORTS))
        self._sealer = load_sealer(public_key)
        self._producer = RawProducer(bootstrap)

    def next_events(self, count: int) -> list[Event]:
        """What comes next in the city."""
        return list(islice(self._events, count))

    def call(self, events: Sequence[Event], seconds: float) -> None:
        """Send them at an even pace; returns after so many seconds at least, when the brokers have them."""
        rate, began, sent = len(events) / seconds, time.monotonic(), 0
        while sent < len(events) or time.monotonic() < began + seconds:
            due = min(len(events), int((time.monotonic() - began) * rate) + 1)
            for event in events[sent:due]:
                self._send(event)
            sent = due
            time.sleep(PACE_SECONDS)
        self._producer.flush()

    def _send(self, event: Event) -> None:
        occurred = from_us(time.time_ns() // 1_000 - OCCURRED_BEFORE_US)
        told = msgspec.structs.replace(event, occurred_at=occurred, arrived_at=None)
        sealed = self._sealer.seal(msgspec.json.encode(told)).encode()
        self._producer.send(raw_topic(event.channel), sealed, {SEALED: b"1"})

    def close(self) -> None:
        """No more calls."""
        self._producer.close()


def with_words(city: City) -> Iterator[Event]:
    """The events of a city with what people said in them."""
    direct = Direct(city_keyring(city.seed), load_lexicon())
    for arrives_us, told, _ in city.told():
        text = told.text if isinstance(told, Report) else None
        yield msgspec.structs.replace(direct.event(told, arrives_us), text=text)
