"""The part of a spool that is on the disk: frames of rows that a server has not taken yet, first in, first out.

A snapshot is a small pointer into the file: which frames waited at that moment. A restart goes on from there.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from connectors.journal import RESTARTS, Journal, JournalError

POINTER_VERSION = 1
FRAME_VERSION = 1
REMEDY = "set the state folder aside with its spools and rebuild from the intake log"


class Pointer(NamedTuple):
    """What waited when a snapshot was taken: the journal's own name ('' where there was none), its first and last."""

    version: int
    name: str
    first: int
    last: int

    @property
    def is_empty(self) -> bool:
        """Nothing waited: all in the file was taken, or written after the snapshot."""
        return self.first > self.last


class Frame(NamedTuple):
    """Some rows that wait: since when (Unix time), how many, and what their sink made of them."""

    number: int
    since: float
    rows: int
    body: bytes


class SpoolFile:
    """A journal of rows that wait. Nothing is on the disk before the first row has to wait."""

    def __init__(self, path: Path, saved: bytes | None = None) -> None:
        """Go on from a snapshot; without one, with whatever an earlier life left. Raises `JournalError`.

        Where nothing waited at the snapshot the file is begun anew, whatever has become of it.
        """
        self.path = path
        self._mark = path.with_suffix(".taken")
        pointer = None if saved is None else _pointer_of(saved)
        if pointer is not None and pointer.is_empty:
            _remove(path)
        self._journal = Journal(path) if path.exists() else None
        # rows and bytes of each frame that waits
        self._first, self._sizes = self._resumed(pointer)
        self.rows = sum(rows for rows, _ in self._sizes)
        self.bytes = sum(size for _, size in self._sizes)
        self._forgotten = 0
        self._kept_from = deque([self._first] * RESTARTS, RESTARTS)

    def _resumed(self, pointer: Pointer | None) -> tuple[int, deque[tuple[int, int]]]:
        """The frames that wait. What lies behind the last one of the snapshot is played again by the flow."""
        if pointer is not None and not pointer.is_empty:
            waiting = _waiting(self._journal, pointer, self.path)
            cast(Journal, self._journal).cut(pointer.last)
            return pointer.first, waiting
        if self._journal is None:
            return 1, deque()
        waiting = _checked(self._journal, self._marked(), self._journal.last)
        return self._journal.last + 1 - len(waiting), waiting

    def _marked(self) -> int:
        """The last frame that the server had taken when the last snapshot was due: for a start without a snapshot."""
        if self._journal is None or not self._mark.exists():
            return 0
        name, _, number = self._mark.read_text().partition(" ")
        return int(number) if name == self._journal.name else 0

    def append(self, since: float, rows: int, body: bytes) -> int:
        """Put rows at the end, on the disk when this returns; the number of their frame."""
        if self._journal is None:
            self._journal = Journal(self.path)
        frame = bytes([FRAME_VERSION]) + msgspec.msgpack.encode((since, rows, body))
        number = self._journal.append(frame)
        self._sizes.append((rows, len(frame)))
        self.rows += rows
        self.bytes += len(frame)
        return number

    def first(self) -> Frame | None:
        """What waits longest."""
        if not self._sizes or self._journal is None:
            return None
        number, frame = next(self._journal.frames(after=self._first - 1))
        since, rows, body = msgspec.msgpack.decode(_opened(frame, self.path, number), type=tuple[float, int, bytes])
        return Frame(number, since, rows, body)

    def taken(self, number: int) -> None:
        """The server has taken the frame that waited longest; it stays on the disk while a restart may need it."""
        rows, size = self._sizes.popleft()
        self.rows -= rows
        self.bytes -= size
        self._first = number + 1

    def pointer(self) -> bytes:
        """What waits now, for a snapshot; frames that no restart can begin at are forgotten."""
        self._kept_from.append(self._first)
        if self._journal is None:
            return msgspec.msgpack.encode(Pointer(POINTER_VERSION, "", 1, 0))
        if self._kept_from[-1] != self._kept_from[-2]:
            self._mark.with_suffix(".new").write_text(f"{self._journal.name} {self._first - 1}")
            self._mark.with_suffix(".new").rename(self._mark)
        needless = self._kept_from[0] - 1
        if needless > self._forgotten:
            self._journal.forget(needless)
            self._forgotten = needless
        return msgspec.msgpack.encode(Pointer(POINTER_VERSION, self._journal.name, self._first, self._journal.last))

    def close(self) -> None:
        """Free the file."""
        if self._journal is not None:
            self._journal.close()


def verify(path: Path, saved: bytes | None) -> None:
    """Raise `JournalError` if a sink could not go on from this snapshot; `None` stands for no snapshot at all."""
    if saved is None and not path.exists():
        return
    pointer = None if saved is None else _pointer_of(saved)
    if pointer is not None and pointer.is_empty:
        return
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(Journal(path)) if path.exists() else None
        if pointer is not None:
            _waiting(journal, pointer, path)
        elif journal is not None:
            _checked(journal, 0, journal.last)


def bodies(path: Path, saved: bytes | None = None) -> Iterator[bytes]:
    """What their sink made of the rows in a file, frame by frame; nothing where there is no file. Changes nothing.

    Of a snapshot those that waited then; without one some of them the server may have taken already.
    """
    first, last = (1, None) if saved is None else _pointer_of(saved)[2:]
    if path.exists() and (last is None or first <= last):
        with Journal(path) as journal:
            for number, frame in journal.frames(first - 1, last):
                yield msgspec.msgpack.decode(_opened(frame, path, number), type=tuple[float, int, bytes])[2]


def _remove(path: Path) -> None:
    for part in path.parent.glob(f"{path.name}*"):  # SQLite has its own files beside it
        part.unlink()


def _pointer_of(saved: bytes) -> Pointer:
    try:
        pointer = msgspec.msgpack.decode(saved, type=Pointer)
    except msgspec.MsgspecError as error:
        raise JournalError(f"the snapshot of a spool must be a pointer; got {error}; {REMEDY}") from None
    if pointer.version != POINTER_VERSION:
        raise JournalError(
            f"the pointer to a spool must have version {POINTER_VERSION}; got {pointer.version};"
            f" run the release that wrote it, or {REMEDY}"
        )
    return pointer


def _waiting(journal: Journal | None, pointer: Pointer, path: Path) -> deque[tuple[int, int]]:
    """Rows and bytes of each frame that a pointer stands for, all of them read."""
    if journal is None:
        raise JournalError(f"spool of a snapshot must be there; got no file ({path}); put it back, or {REMEDY}")
    if journal.name != pointer.name:
        raise JournalError(f"spool must be the one of the snapshot; got another ({path}); put it back, or {REMEDY}")
    found, wanted = _checked(journal, pointer.first - 1, pointer.last), pointer.last - pointer.first + 1
    if len(found) != wanted:
        raise JournalError(
            f"spool must hold the {wanted} frames that waited at the snapshot; got {len(found)} of them ({path});"
            f" put the file back, or {REMEDY}"
        )
    return found


def _checked(journal: Journal, after: int, until: int) -> deque[tuple[int, int]]:
    """Rows and bytes of each frame; every one is read, so that damage shows at the start."""
    return deque((_rows(frame, journal.path, number), len(frame)) for number, frame in journal.frames(after, until))


def _rows(frame: bytes, path: Path, number: int) -> int:
    return msgspec.msgpack.decode(_opened(frame, path, number), type=tuple[float, int, msgspec.Raw])[1]


def _opened(frame: bytes, path: Path, number: int) -> memoryview:
    if frame[:1] != bytes([FRAME_VERSION]):
        raise JournalError(
            f"a frame of a spool must have version {FRAME_VERSION}; got {frame[0] if frame else 'nothing'}"
            f" ({path}, frame {number}); run the release that wrote it until the spool is empty, or {REMEDY}"
        )
    return memoryview(frame)[1:]
