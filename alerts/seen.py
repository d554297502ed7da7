"""Which event ids have been seen, and where they came from: remembered in chunks, so that saving costs what is new."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Raw

from alerts.duration import DAY_US
from alerts.model import NEVER

CHUNK_AT_MOST = 10_000
CHUNK_SPANS = DAY_US  # a whole chunk is dropped at once

Row = tuple[str, int, str]  # event id, arrival, source of the row


class _Chunk:
    """Ids that arrived one after the other. `number` is its name for good."""

    __slots__ = ("number", "rows")

    def __init__(self, number: int, rows: list[Row]) -> None:
        self.number = number
        self.rows = rows


class SeenIds:
    """Remembers every id until it is told to forget what arrived before some instant."""

    def __init__(self) -> None:
        self._of: dict[str, Row] = {}
        self._chunks: deque[_Chunk] = deque()
        self._next = 0  # the number of the next chunk
        self._open: _Chunk | None = None  # the one that takes what is new
        self._changed: dict[int, _Chunk | None] = {}  # since it was last saved
        self.forgotten = NEVER  # what arrived before this instant

    def get(self, event_id: str) -> Row | None:
        """What is remembered of an id."""
        row = self._of.get(event_id)
        return None if row is None or row[1] < self.forgotten else row

    def add(self, event_id: str, arrived: int, source: str) -> Row | None:
        """An id arrives, not before those that were added earlier. What is remembered of it if it is not new."""
        row = (event_id, arrived, source)
        known = self._of.setdefault(event_id, row)
        if known is not row:
            if known[1] >= self.forgotten:
                return known
            self._of[event_id] = row
        chunk = self._open
        if chunk is None or len(chunk.rows) >= CHUNK_AT_MOST or arrived - chunk.rows[0][1] > CHUNK_SPANS:
            chunk = self._open = self._changed[self._next] = _Chunk(self._next, [])
            self._chunks.append(chunk)
            self._next += 1
        chunk.rows.append(row)
        return None

    def forget(self, before: int) -> None:
        """What arrived before an instant is forgotten for good."""
        if before <= self.forgotten:
            return
        self.forgotten = before
        chunks = self._chunks
        while chunks and chunks[0].rows[-1][1] < before:
            gone = chunks.popleft()
            self._changed[gone.number] = None
            if gone is self._open:
                self._open = None
            for row in gone.rows:
                if self._of.get(row[0]) is row:
                    del self._of[row[0]]

    def __len__(self) -> int:
        return len(self._of)

    def all_chunks(self) -> Iterator[tuple[int, list[Row]]]:
        """Every chunk by its number; from now on only what changes is new."""
        self._close()
        for chunk in self._chunks:
            yield chunk.number, chunk.rows

    def full_chunk(self) -> Iterator[tuple[int, list[Row]]]:
        """One of those that are new and full, if there is one; it counts as saved then."""
        for number, chunk in self._changed.items():
            if chunk is not None and chunk is not self._open:
                del self._changed[number]
                yield number, chunk.rows
                return

    def changed_chunks(self) -> Iterator[tuple[int, list[Row] | None]]:
        """The chunks that are new since they were last asked for; None for one that is gone."""
        changed = self._close()
        for number, chunk in changed.items():
            yield number, None if chunk is None else chunk.rows

    def restore(self, chunks: Iterable[tuple[int, Raw]], forgotten: int) -> None:
        """Take back all chunks, and what was forgotten of them."""
        self.forgotten = forgotten
        for number, rows in sorted(chunks, key=lambda chunk: chunk[0]):
            chunk = _Chunk(number, _ROWS.decode(rows))
            self._chunks.append(chunk)
            self._of.update({row[0]: row for row in chunk.rows})
            self._next = number + 1

    def _close(self) -> dict[int, _Chunk | None]:
        changed, self._changed = self._changed, {}
        self._open = None
        return changed


_ROWS = msgspec.msgpack.Decoder(list[Row])
