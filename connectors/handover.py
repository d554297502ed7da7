"""From the writer of the intake log to its reader in the same process, past the way back from the broker.

The log is the truth: what is handed over stands in it already, acknowledged, at a known place. It is the same bytes
that the broker would give, some milliseconds sooner, and the broker does not have to give them.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

RECORDS_AT_MOST = 20_000  # of one partition that wait for the reader; beyond that it reads them from the broker


class Stored(NamedTuple):
    """A record that stands in the log."""

    offset: int
    value: bytes
    headers: Mapping[str, bytes]


class Handover:
    """One writer and one reader, both in one thread; where they are not, nothing is handed over.

    Each partition's records come in the order of their offsets. There may be gaps: where another writer wrote in
    between, and where the reader was too far behind. The reader sees them by the offsets and asks the broker.
    """

    def __init__(self, at_most: int = RECORDS_AT_MOST) -> None:
        self._at_most = at_most
        self._sent: dict[int, deque[tuple[bytes, Mapping[str, bytes]]]] = defaultdict(deque)
        self._stored: dict[int, deque[Stored]] = defaultdict(deque)
        self._last: dict[int, int] = {}  # the last offset in each partition
        self._hear: Callable[[], None] | None = None
        self._thread = 0

    def begin(self, hear: Callable[[], None]) -> None:
        """A writer begins; `hear` looks what the broker has acknowledged, without waiting."""
        self._hear = hear
        self._thread = threading.get_ident()

    def end(self) -> None:
        """Nothing more is handed over: the writer has ended, or the log is not what it was."""
        self._hear = None
        self._sent.clear()
        self._stored.clear()

    def sent(self, partition: int, value: bytes, headers: Mapping[str, bytes]) -> None:
        """The writer has sent a record."""
        if self._hear is not None:
            self._sent[partition].append((value, headers))

    def stored(self, partition: int, offset: int) -> None:
        """The broker has acknowledged the oldest record that was sent to a partition."""
        if self._hear is None:
            return
        if offset <= self._last.get(partition, -1):
            self.end()  # another log stands under this name; who reads from the broker is told so
            return
        self._last[partition] = offset
        waiting = self._stored[partition]
        if len(waiting) >= self._at_most:
            waiting.clear()
        waiting.append(Stored(offset, *self._sent[partition].popleft()))

    def hear(self) -> None:
        """Look what was acknowledged meanwhile. Raises what the writer raises."""
        if self._hear is not None and threading.get_ident() == self._thread:
            self._hear()

    def take(self, partition: int, offset: int, count: int) -> list[Stored]:
        """At most so many records from this offset on; empty where the next one is not here."""
        waiting = self._stored.get(partition)
        while waiting and waiting[0].offset < offset:
            waiting.popleft()
        taken: list[Stored] = []
        while waiting and len(taken) < count and waiting[0].offset == offset + len(taken):
            taken.append(waiting.popleft())
        return taken

    def has_gap(self, partition: int, offset: int) -> bool:
        """Whether records from this offset on are not here, while later ones are."""
        waiting = self._stored.get(partition)
        return self._hear is None or bool(waiting and waiting[0].offset > offset)
