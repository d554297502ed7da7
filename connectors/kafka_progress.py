"""Showing brokers how far a flow has read, so that Kafka's own tools and everybody's boards see its lag."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, TopicPartition

from connectors.address import Where
from connectors.kafka_client import CLIENT, Place, Show, client_config
from connectors.kafka_names import BrokerNames
from connectors.kafka_refusal import remedy

SHOW_SECONDS = 5.0  # as Kafka's own consumers do; snapshots are too seldom for boards
UNANSWERED_MS = 2_000  # what brokers refuse waits so long in the client library, and so does the end of a process
INTAKE, DETECTION, RECEIVED = f"{CLIENT}.intake", f"{CLIENT}.detection", f"{CLIENT}.receipts"  # names of groups

_PASSES = {
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.REQUEST_TIMED_OUT, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
}  # fmt: skip

_log = logging.getLogger("anlan.kafka")


class Progress:
    """Writes positions as the offsets of consumer groups in which nobody is.

    A flow goes on from its own snapshots and never from there. So nothing waits for an answer, one question of a group
    is on its way at a time, and a broker that refuses is told of once.
    """

    def __init__(self, bootstrap: Where) -> None:
        self._bootstrap = bootstrap
        self._groups: dict[str, _Group] = {}
        self._is_told = False

    def show(self, group: str, positions: Mapping[Place, int]) -> None:
        """For each partition the offset that is read next; what was shown and not answered yet is not shown again."""
        if not positions:
            return
        if group not in self._groups:
            self._groups[group] = _Group(self._bootstrap, group)
        ours = self._groups[group]
        if ours.is_answered() and ours.error is not None and not _is_away(ours.error):
            self._tell(group, ours.error)
        if not ours.is_asked:
            ours.commit(positions)

    def answered(self) -> bool:
        """Whether everything that was shown has been answered, well or not."""
        return all(group.is_answered() for group in self._groups.values())

    def _tell(self, group: str, error: KafkaError) -> None:
        if not self._is_told:
            self._is_told = True
            _log.warning("progress_not_shown group=%s error=`%s`%s", group, error.str(), remedy(error.code()))


def _is_away(error: KafkaError) -> bool:
    """Whether a broker has not answered or cannot yet: whoever writes and reads tells of that, and it passes."""
    return error.code() < 0 or error.code() in _PASSES


class Shown:
    """The positions of one reader, told at each snapshot and every few seconds between."""

    def __init__(self, show: Show, positions: Callable[[], Mapping[Place, int]]) -> None:
        self._show = show
        self._positions = positions
        self._next = time.monotonic() + SHOW_SECONDS

    def now_and_then(self) -> None:
        """Tell where the reader stands if it is time."""
        if time.monotonic() >= self._next:
            self.now()

    def now(self) -> None:
        """Tell where the reader stands."""
        self._next = time.monotonic() + SHOW_SECONDS
        self._show(self._positions())


class _Group:
    """The offsets of one group, written by a consumer that reads nothing.

    Not by an admin client: librdkafka 2.x ends the process (`eonce->refcnt > 0`) where a broker dies while one of those
    is setting offsets.
    """

    def __init__(self, bootstrap: Where, name: str) -> None:
        self._there = BrokerNames(bootstrap).there
        settings = {
            "group.id": self._there(name),
            "enable.auto.commit": False,
            "on_commit": self._answered,
            "session.timeout.ms": UNANSWERED_MS,
        }
        self._consumer = Consumer({**client_config(bootstrap), **settings})
        self.is_asked = False
        self.error: KafkaError | None = None  # of the last answer

    def commit(self, positions: Mapping[Place, int]) -> None:
        """Ask for these offsets to be kept."""
        self.is_asked = True
        places = [TopicPartition(self._there(topic), number, offset) for (topic, number), offset in positions.items()]
        self._consumer.commit(offsets=places, asynchronous=True)

    def is_answered(self) -> bool:
        """Whether nothing is on its way, or what is will wait until somebody gives us the right."""
        heard = self._consumer.poll(0)  # answers come in here, as calls; refusals as messages
        error = None if heard is None else heard.error()
        if error is not None and error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            self.error = error
        return not self.is_asked or self.error is not None

    def _answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        self.is_asked = False
        errors = [error, *(place.error for place in places)]
        self.error = next((each for each in errors if each is not None), None)
