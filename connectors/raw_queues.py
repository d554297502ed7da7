"""One short queue for each raw topic, from which rows are taken in turns: a flood waits behind itself only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from connectors.kafka_reader import RawRecord

ROWS_AT_MOST = 4_000
BYTES_AT_MOST = 8_000_000


class TopicQueues:
    """Rows that were read and not yet given on, by topic.

    A queue takes what it is given; `is_full` and `has_room` tell when to stop reading a topic and when to go on.
    """

    def __init__(self, topics: Iterable[str], rows: int = ROWS_AT_MOST, size: int = BYTES_AT_MOST) -> None:
        self._queues: dict[str, deque[RawRecord]] = {topic: deque() for topic in topics}
        self._bytes = dict.fromkeys(self._queues, 0)
        self._rows_at_most = rows
        self._bytes_at_most = size
        self._turns = deque(self._queues)  # whose turn it is to get what cannot be shared evenly

    def put(self, records: Iterable[RawRecord]) -> None:
        """Add rows, each behind those of its topic."""
        for record in records:
            self._queues[record.topic].append(record)
            self._bytes[record.topic] += len(record.value)

    def take(self, count: int) -> list[RawRecord]:
        """At most so many rows, in equal shares of the topics that have any; what one leaves the others get."""
        taken: list[RawRecord] = []
        while len(taken) < count and (waiting := [topic for topic in self._turns if self._queues[topic]]):
            share = max(1, (count - len(taken)) // len(waiting))
            for topic in waiting[: count - len(taken)]:
                taken += self._take_of(topic, share)
        self._turns.rotate(-1)
        return taken

    def _take_of(self, topic: str, count: int) -> list[RawRecord]:
        queue = self._queues[topic]
        taken = [queue.popleft() for _ in range(min(count, len(queue)))]
        self._bytes[topic] -= sum(len(record.value) for record in taken)
        return taken

    def is_full(self, topic: str) -> bool:
        """Whether no more of a topic should be read for now."""
        return len(self._queues[topic]) >= self._rows_at_most or self._bytes[topic] >= self._bytes_at_most

    def has_room(self, topic: str) -> bool:
        """Whether so little of a topic is left that reading it is worth while again."""
        return len(self._queues[topic]) <= self._rows_at_most // 4 and self._bytes[topic] <= self._bytes_at_most // 4

    def waiting(self, topic: str) -> int:
        """How many rows of a topic wait here."""
        return len(self._queues[topic])

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))
