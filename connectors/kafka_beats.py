"""Beats of the hosts of a group: one topic of one partition, in which everybody reads what everybody says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from connectors.address import Where
from connectors.kafka_client import Place, ensure_topics
from connectors.kafka_producer import ENDLESS, RawProducer
from connectors.kafka_reader import Reader, log_bounds
from connectors.kafka_topics import GROUP

REMEMBERED = 1_000  # beats before the end that are read at the start: some minutes of them


class Heard(NamedTuple):
    """A beat as it stands in the topic."""

    place: int
    body: bytes


class BeatReader:
    """Hears what is said, and a while of what was said before. The topic must be there."""

    def __init__(self, bootstrap: Where, topic: str = GROUP) -> None:
        low, self.end = log_bounds(bootstrap, topic)[0]  # `end` is the place of the first beat that is said from now on
        self._reader = Reader(bootstrap, {(topic, 0): max(low, self.end - REMEMBERED)})

    def hear(self, seconds: float) -> list[Heard]:
        """What was said meanwhile; waits no longer than told. Raises `BrokerError` where we are refused."""
        return [Heard(record.offset, record.value) for record in self._reader.read(seconds)]

    def close(self) -> None:
        """Hear nothing more."""
        self._reader.close()


class Beats:
    """Says and hears beats.

    A beat is only said when the one before stands in the topic, so that as many beats of one host are as many times the
    pause between them. A broker that is away is waited for.
    """

    def __init__(self, bootstrap: Where, topic: str = GROUP, now: Callable[[], float] = time.monotonic) -> None:
        """Make the topic where it is missing. Raises `BrokerError` where no broker lets us in."""
        ensure_topics(bootstrap, {topic: 1})
        self._topic = topic
        self._now = now
        self._reader = BeatReader(bootstrap, topic)
        self._producer = RawProducer(bootstrap, ENDLESS, on_stored=self._stored)
        self._said_at: float | None = None  # the beat that is on its way
        self.stands_since: float | None = None  # when the last beat that stands in the topic was said

    @property
    def is_on_its_way(self) -> bool:
        """Whether a beat was said that does not stand in the topic yet."""
        return self._said_at is not None

    def say(self, body: bytes) -> None:
        """Send a beat; none may be on its way."""
        self._said_at = self._now()
        self._producer.send(self._topic, body, partition=0)

    def hear(self, seconds: float) -> list[Heard]:
        """What was said meanwhile; waits no longer than told. Raises `BrokerError` where we are refused."""
        heard = self._reader.hear(seconds)
        self._producer.check()
        return heard

    def _stored(self, place: Place, offset: int) -> None:
        self.stands_since, self._said_at = self._said_at, None

    def close(self) -> None:
        """Hear nothing more. What is on its way may not arrive."""
        self._reader.close()
