"""A journal on a local disk: numbered frames of bytes that outlive a kill and a power cut.

State and rows that wait for a server are kept in journals. SQLite does the durable part; a checksum of ours
over each frame finds what a disk has changed since.
"""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self
from zlib import crc32

LOCK_SECONDS = 60.0  # that a writer waits for another one, which may just be folding a large file
RESTARTS = 3  # snapshots that a restart may begin at: the newest may not be committed, one more for safety
PIECE = 500_000_000  # bytes of a frame in one row: SQLite takes a thousand million at most

_CREATE = """
CREATE TABLE IF NOT EXISTS journal (row INTEGER PRIMARY KEY CHECK (row = 1), name TEXT, forgotten INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS frames (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS more (
    number INTEGER NOT NULL REFERENCES frames ON DELETE CASCADE, place INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (number, place));
CREATE VIEW IF NOT EXISTS sizes AS
    SELECT number, length(body) AS size FROM frames UNION ALL SELECT number, length(body) FROM more
"""  # a view of the bodies themselves would read them all to tell how long they are


class JournalError(RuntimeError):
    """A journal cannot be read or written; the sentence names its file and the remedy."""


class DiskFullError(JournalError):
    """There was no room to write: nothing was written, and the same may be tried again."""


class Journal:
    """Frames in the order of their numbers, from 1 on; each call is on disk, whole or not at all, when it returns.

    One writer at a time; threads may take turns, and another process may `fold`. Raises `JournalError` where the file
    is damaged or may not be written, `DiskFullError` where the disk is full.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = self._opened()
        with self._doing("open"):
            self.name, self._forgotten = self._file.execute("SELECT name, forgotten FROM journal").fetchone()
            newest, size = self._file.execute("SELECT max(number), total(size) FROM sizes").fetchone()
        self.last: int = max(newest or 0, self._forgotten)  # number of the newest frame; `name` is of this very file
        self.size = int(size)  # bytes in all frames

    def _opened(self) -> sqlite3.Connection:
        with self._doing("open"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(self.path, LOCK_SECONDS, isolation_level=None, check_same_thread=False)
            file.execute("PRAGMA page_size = 65536")  # frames are large: half the time of a write against 4096
            file.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table: a file that can shrink
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = FULL")
            file.execute("PRAGMA foreign_keys = ON")
            file.executescript(_CREATE)
            file.execute("INSERT OR IGNORE INTO journal (row, name) VALUES (1, ?)", (uuid.uuid4().hex,))
            return file

    def append(self, body: bytes) -> int:
        """Add a frame; its number."""
        with self._doing("write"), self._together():
            self._put(self.last + 1, body)
        self.last += 1
        self.size += len(body)
        return self.last

    def frames(self, after: int = 0, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Number and body of each frame behind `after`, up to and with `until`."""
        last = self.last if until is None else until
        with self._doing("read"):
            found = self._file.execute(
                "SELECT * FROM frames WHERE number > ? AND number <= ? ORDER BY number", (after, last)
            )
            for number, checksum, first in found:
                body = first if len(first) < PIECE else self._joined(number, first)
                if crc32(body) != checksum:
                    raise JournalError(
                        f"a frame must be as it was written; got another checksum ({self.path}, frame {number})"
                    )
                yield number, body

    def cut(self, last: int) -> None:
        """Drop every frame behind `last`: it was written by a life that nothing goes on from."""
        self._drop("number > ?", last)
        self.last = min(self.last, max(last, self._forgotten))

    def forget(self, until: int) -> None:
        """Drop every frame up to and with `until`: nobody will ask for it again. The file shrinks."""
        self._forgotten = max(self._forgotten, until)
        with self._doing("write"):
            self._file.execute("UPDATE journal SET forgotten = ?", (self._forgotten,))
        self._drop("number <= ?", until)
        with self._doing("write"):
            self._file.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page

    def fold(self, until: int, merge: Callable[[Sequence[bytes]], bytes]) -> None:
        """Put one frame, numbered `until`, in the place of all up to it: what `merge` makes of them.

        Others may append to the same file, in another process as well. Nothing is done where there are fewer than
        two frames, or where they are not the same any more when it is merged.
        """
        stamps = self._stamps(until)
        if len(stamps) < 2:
            return
        body = merge([body for _, body in self.frames(until=until)])
        with self._doing("write"), self._together():
            if self._stamps(until) == stamps:
                self._file.execute("DELETE FROM frames WHERE number <= ?", (until,))
                self._put(until, body)
        with self._doing("write"):  # else whoever appends next has to
            self._file.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self.measure()  # the file stays as long as it is: the next frames take the room

    def measure(self) -> int:
        """Look how many bytes there are, where somebody else may have folded; how many in the oldest frame."""
        with self._doing("read"):
            asked = "SELECT sum(size) FROM sizes GROUP BY number ORDER BY number"
            sizes = [size for (size,) in self._file.execute(asked)]
        self.size = sum(sizes)
        return sizes[0] if sizes else 0

    def _put(self, number: int, body: bytes) -> None:
        self._file.execute("INSERT INTO frames VALUES (?, ?, ?)", (number, crc32(body), body[:PIECE]))
        more = [(number, place, body[place : place + PIECE]) for place in range(PIECE, len(body), PIECE)]
        self._file.executemany("INSERT INTO more VALUES (?, ?, ?)", more)

    def _joined(self, number: int, first: bytes) -> bytes:
        found = self._file.execute("SELECT body FROM more WHERE number = ? ORDER BY place", (number,))
        return b"".join((first, *(body for (body,) in found)))

    def _stamps(self, until: int) -> list[tuple[int, int]]:
        with self._doing("read"):
            asked = "SELECT number, checksum FROM frames WHERE number <= ? ORDER BY number"
            return self._file.execute(asked, (until,)).fetchall()

    def _drop(self, which: str, number: int) -> None:
        with self._doing("write"):
            dropped = self._size_of(which, number)
            self._file.execute(f"DELETE FROM frames WHERE {which}", (number,))
        self.size -= dropped

    def _size_of(self, which: str, number: int) -> int:
        (size,) = self._file.execute(f"SELECT total(size) FROM sizes WHERE {which}", (number,)).fetchone()
        return int(size)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """All statements or none."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            kind = DiskFullError if "full" in str(error) else JournalError
            raise kind(f"journal must be there to {what}; got `{error}` ({self.path})") from error
        except OSError as error:
            raise JournalError(f"journal must be there to {what}; got `{error.strerror}` ({self.path})") from error

    def close(self) -> None:
        """Free the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
