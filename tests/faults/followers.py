"""Who listens all the while: a subscriber of the Redis feed, one of the alerts topic, and one of the intake log."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import redis

from alerts.desk.audit import THE_DESK
from alerts.model import Act, Acted, Arrival, Revision, to_us
from connectors.kafka import ALERTS, INTAKE_LOG
from connectors.kafka_client import partitions_of
from connectors.kafka_reader import RawRecord, Reader
from connectors.log_record import decode
from tests.support.subscribing import revision_reader

RETRY_SECONDS = 0.2


class Follower:
    """A thread that reads on, and comes again where it was after any failure."""

    def __init__(self, name: str) -> None:
        self.reconnected = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception:  # a subscriber outlives whatever its server does
                self.reconnected += 1
                self._stop.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        raise NotImplementedError


class Heard:
    """What a subscriber makes of a feed by the rule: the greatest (revision, engine epoch) of each alert counts."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[int, int]] = {}
        self.twice = 0  # handed to it again; what the rule is there for
        self.gaps: list[str] = []  # a revision that follows none
        self.last_seq = 0
        self.seq_back = 0  # feed numbers that went back in what was new to it
        self.places: set[tuple[str, int]] = set()
        self.heard_at: list[tuple[int, float]] = []  # of each revision: when it was due (log's clock), when it came

    def take(self, revision: Revision) -> None:
        """One revision as it came."""
        place = (revision.alert_id, revision.revision)
        if place not in self.places:
            self.heard_at.append((to_us(revision.detected_at), time.time()))
        self.places.add(place)
        rank = (revision.revision, revision.engine_epoch)
        known = self.last.get(revision.alert_id, (0, 0))
        if rank <= known:
            self.twice += 1
            return
        if rank[0] > known[0] + 1:
            self.gaps.append(f"{revision.rule} {revision.alert_id} {rank[0]} after {known[0]}")
        self.seq_back += revision.feed_seq < self.last_seq
        self.last_seq = max(self.last_seq, revision.feed_seq)
        self.last[revision.alert_id] = rank


class RedisFollower(Follower):
    """Follows `alerts:all` as subscribers do."""

    def __init__(self, url: str) -> None:
        self.heard = Heard()
        self._subscriber = revision_reader(url)
        super().__init__("redis-follower")

    def _follow(self) -> None:
        reader = self._subscriber
        while not self._stop.is_set():
            before = reader.duplicates
            reader.read(wait_seconds=0.2, handle=self.heard.take)
            self.heard.twice += reader.duplicates - before


class TopicFollower(Follower):
    """Follows a topic from its beginning, keeping its own offsets."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._next: dict[tuple[str, int], int] = {}
        super().__init__(f"{topic}-follower")

    def take(self, record: RawRecord) -> None:
        """One record."""
        raise NotImplementedError

    def _follow(self) -> None:
        count = partitions_of(self._bootstrap, [self._topic], 5.0)[self._topic]
        starts = {(self._topic, number): self._next.get((self._topic, number), -1) for number in range(count)}
        with Reader(self._bootstrap, starts) as reader:
            while not self._stop.is_set():
                for record in reader.read(0.1):
                    self.take(record)
                    self._next[record.topic, record.partition] = record.offset + 1


class AlertsFollower(TopicFollower):
    """Follows `alerts.v1`."""

    def __init__(self, bootstrap: str) -> None:
        self.heard = Heard()
        self._decode = msgspec.json.Decoder(Revision).decode
        super().__init__(bootstrap, ALERTS)

    def take(self, record: RawRecord) -> None:
        self.heard.take(self._decode(record.value))


class LogFollower(TopicFollower):
    """Follows the intake log: which events are in it, how far its clock is, and how far the queues are read."""

    def __init__(self, bootstrap: str) -> None:
        self.events: set[str] = set()
        self.actions: set[str] = set()
        self.sources: Counter[str] = Counter()
        self.produced_at = 0.0  # when the newest row in it was sent
        self._last_us: dict[int, int] = {}
        super().__init__(bootstrap, INTAKE_LOG)

    @property
    def clock_us(self) -> int:
        """What every partition has reached."""
        return min(self._last_us.values(), default=0)

    @property
    def written_twice(self) -> int:
        """Rows that stand in the log more than once, after a crash; detection takes one."""
        return sum(count - 1 for count in self.sources.values())

    def take(self, record: RawRecord) -> None:
        stamp_us, found = decode(record.value, record.headers, record.source)
        self._last_us[record.partition] = max(stamp_us, self._last_us.get(record.partition, 0))
        if isinstance(found, Act):
            self.actions.add(found.action.action_id)
        elif isinstance(found, Arrival):
            self.events.add(found.event.id)
            self.sources[found.source] += 1
            self.produced_at = max(self.produced_at, found.produced_us / 1e6)


def stream(url: str) -> list[Revision]:
    """Every entry of the Redis feed as it stands."""
    client = redis.Redis.from_url(url, protocol=2)
    decode_revision: Callable[[bytes], Revision] = msgspec.json.Decoder(Revision).decode
    entries: Any = client.xrange("alerts:all")
    client.close()
    return [decode_revision(fields[b"json"]) for _, fields in entries]


def actions(url: str) -> list[str]:
    """The ids of what people did, as they stand in the stream."""
    client = redis.Redis.from_url(url, protocol=2)
    entries: Any = client.xrange("actions:all")
    client.close()
    rows = [msgspec.json.decode(fields[b"json"], type=Acted) for _, fields in entries]
    return [row.action.action_id for row in rows if row.action.role != THE_DESK]
