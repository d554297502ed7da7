"""The load: a small city with planted stories, told fast; events out of order inside the lateness, some twice.

The city's time is squeezed, so that stories of weeks are told in seconds. The flow's own clock runs at a modest
speed: an outage must stay far inside the minutes that rules wait for stragglers, or the same input would rightly
give another answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple

import msgspec

from alerts.duration import DAY_US
from alerts.model import Event, from_us, to_us
from connectors.kafka import RawProducer, raw_topic
from dataflows.city.city import City
from dataflows.city.direct import events
from dataflows.city.stories import CATALOGUE

COPIES = 8  # of every story at the same time
STEPS = 5.8  # events that come of one report
CITY_SECONDS = 30.0  # a day of a city, with all its stories; then another city is told
HEARTBEAT_MINUTES = 120  # of the city's time
OTHERS = 600  # events of a city that are no report: heartbeats, and what the stories bring
DELAYED, TWICE, OLD = 0.05, 0.03, 0.1
SLOW = ("petition", "court", "superior")  # whose rows may be a day old
AGES = ((3, 5), (7, 20))  # hours; none near an age at which a rule stops waiting
DELAY_US = 4 * 60_000_000  # at most; half of what the most impatient rule waits
PATIENCE_SECONDS = 3_600.0  # longer than any run


class Load(NamedTuple):
    """About `rate` events a second without end, on a simulated clock that starts at `start_us`."""

    seed: int
    start_us: int
    rate: float
    speed: float

    @property
    def squeeze(self) -> float:
        """Seconds of a city in one second of the simulated clock."""
        return DAY_US / (CITY_SECONDS * self.speed * 1e6)

    def events(self) -> Iterator[Event]:
        """In the order in which they are sent; `arrived_at` is when, on the simulated clock."""
        return _disordered(self._told(), Random(f"{self.seed}/order"))

    def _told(self) -> Iterator[Event]:
        reports = max(50.0, (self.rate * CITY_SECONDS - OTHERS) / STEPS)
        for number in count():
            start = from_us(self.start_us + number * DAY_US)  # a day of its own, so that no case comes twice
            city = City(
                self.seed + number, start, 1, reports, copies=COPIES, heartbeat_minutes=HEARTBEAT_MINUTES,
                with_broken=False, catalogue=CATALOGUE,
            )  # fmt: skip
            told_at = self.start_us + int(number * CITY_SECONDS * self.speed * 1e6)
            rng = Random(f"{self.seed}/{number}/ages")
            for event in events(city):
                yield _aged(_squeezed(event, city.start_us, told_at, self.squeeze), rng)


def _squeezed(event: Event, city_start: int, told_at: int, squeeze: float) -> Event:
    assert event.arrived_at is not None
    occurred, arrived = (int((to_us(at) - city_start) / squeeze) for at in (event.occurred_at, event.arrived_at))
    return msgspec.structs.replace(
        event, occurred_at=from_us(told_at + occurred), arrived_at=from_us(told_at + arrived)
    )


def _aged(event: Event, rng: Random) -> Event:
    """Now and then a row that has waited for hours, and touches an hour that nothing else touches."""
    if event.channel not in SLOW or event.action == "heartbeat" or rng.random() >= OLD:
        return event
    age = timedelta(hours=rng.uniform(*rng.choice(AGES)))
    return msgspec.structs.replace(event, occurred_at=event.occurred_at - age)


def _disordered(told: Iterator[Event], rng: Random) -> Iterator[Event]:
    waiting: list[tuple[int, int, Event]] = []
    number = 0
    for event in told:
        assert event.arrived_at is not None
        at = to_us(event.arrived_at)
        while waiting and waiting[0][0] <= at:
            due, _, ready = heappop(waiting)
            yield msgspec.structs.replace(ready, arrived_at=from_us(due))
        late = int(rng.random() * DELAY_US)
        heappush(waiting, (at + (late if rng.random() < DELAYED else 0), number, event))
        if rng.random() < TWICE:
            heappush(waiting, (at + late, number + 1, event))
        number += 2


class Sender:
    """Sends the load in a thread of its own, steadily, whatever happens to the flow; nothing it sent is given up."""

    def __init__(self, bootstrap: str, load: Load, origin: float) -> None:
        self.sent: list[Event] = []
        self.failure = ""
        self._bootstrap = bootstrap
        self._load = load
        self._origin = origin
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait until the broker has all."""
        self._stop.set()
        self._thread.join()
        if self.failure:
            raise RuntimeError(f"the load must reach the broker; got `{self.failure}`")

    def _run(self) -> None:
        try:
            with RawProducer(self._bootstrap, patience=PATIENCE_SECONDS) as producer:
                self._send(producer)
        except Exception as error:  # handed on by `stop`
            self.failure = repr(error)

    def _send(self, producer: RawProducer) -> None:
        for event in self._load.events():
            assert event.arrived_at is not None
            due = self._origin + (to_us(event.arrived_at) - self._load.start_us) / 1e6 / self._load.speed
            if (ahead := due - time.time()) > 0:
                self._stop.wait(ahead)
            if self._stop.is_set():
                return
            wire = msgspec.json.encode(msgspec.structs.replace(event, arrived_at=None))
            producer.send(raw_topic(event.channel), wire)
            producer.check()
            self.sent.append(event)
