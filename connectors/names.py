"""Who is called by which token after the key has changed, kept beside the intake on a local disk.

A token changes with its key, and a window must not be cut in two by that. So while the key before is still held, its
token goes on being the name, and what the new key would say of the same value is written down beside it. When the old
key is gone the name is looked up by the new token, for as long as some rule may remember its bearer; each use counts
anew. Who was not seen for that long gets the new token, and nothing tells whose the old one was.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from alerts.duration import DAY_US
from alerts.model import from_us
from connectors.journal import DiskFullError
from connectors.pseudonym import Keyring, Tokens, oldest

NAMES = "names.sqlite3"
LOCK_SECONDS = 60.0  # that one process waits for another
_CREATE = """
CREATE TABLE IF NOT EXISTS names (token TEXT PRIMARY KEY, name TEXT NOT NULL, used_day INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_day ON names (used_day);
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, mark TEXT NOT NULL, held_us INTEGER NOT NULL, until_us INTEGER)
"""
_HOLD = "INSERT INTO keys VALUES (?, ?, ?, NULL) ON CONFLICT (id) DO UPDATE SET until_us = NULL"

Room = Callable[[Callable[[], None]], None]  # calls what writes to the disk until there is room


class KeyringError(ValueError):
    """A key that must still be held is not; the sentence says until when, and what to do."""


class HeldKey(NamedTuple):
    """A key that the intake holds."""

    id: str
    held_us: int  # since when
    needed_us: int | None  # until when it is needed; None for the newest

    def needed(self) -> str:
        """Until when it is needed, in words."""
        if self.needed_us is None:
            return "until a newer one has been held for long enough"
        return f"until {from_us(self.needed_us).date()}"


class Names:
    """The names of those who may stand in a window, in one file. One process gives names, others may look.

    Each is kept for `keep_us` after its last use: how long a rule may remember somebody at most.
    """

    def __init__(self, path: Path, keep_us: int, clock: Callable[[], int], room: Room = lambda write: write()) -> None:
        self._path = path
        self._keep_us = keep_us
        self._clock = clock
        self._room = room
        self._file = _opened(path)
        self._today = -1
        self._used: dict[Tokens, str] = {}  # today
        self._unsaved: dict[str, str] = {}
        self._is_swept = True  # of what has ended
        self.is_empty = self.count() == 0

    def name(self, tokens: Tokens) -> str:
        """What a value is called whose tokens these are, the newest first. On the disk once it is saved."""
        if self.is_empty and len(tokens) == 1:
            return tokens[0]
        day = self._clock() // DAY_US
        if day != self._today:
            self.save()
            self._today = day
            self._used.clear()
            self._is_swept = False
        known = self._used.get(tokens)
        if known is None:
            known = self._used[tokens] = self._use(tokens)
        return known

    def _use(self, tokens: Tokens) -> str:
        name = self._name_of(oldest(tokens))
        for token in tokens:
            if token != name:
                self._unsaved[token] = name
                self.is_empty = False
        return name

    def _name_of(self, token: str) -> str:
        if token in self._unsaved:
            return self._unsaved[token]
        wanted = (token, self._first_day())
        found = self._file.execute("SELECT name FROM names WHERE token = ? AND used_day >= ?", wanted).fetchone()
        return str(found[0]) if found else token

    def _first_day(self) -> int:
        """The first day whose names are still kept: a day more, since days are counted whole."""
        return self._today - self._keep_us // DAY_US - 1

    def save(self) -> None:
        """Everything that was named is on the disk, and what has ended is not. Waits while the disk is full."""
        if self._unsaved or not self._is_swept:
            self._room(self._write)

    def _write(self) -> None:
        rows = [(token, name, self._today) for token, name in self._unsaved.items()]
        with self._written():
            self._file.executemany("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", rows)
            self._file.execute("DELETE FROM names WHERE used_day < ?", (self._first_day(),))
        self._unsaved.clear()
        self._is_swept = True

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            with self._file:
                yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            raise DiskFullError(f"names must find room on the disk; got `{error}` ({self._path})") from error

    def hold(self, keyring: Keyring) -> None:
        """Write down since when each key is held. Raises `KeyringError` where one is missing or has changed."""
        now = self._clock()
        with self._file:
            for key in reversed(keyring.keys):
                mark = key.letters("mark")
                known = self._file.execute("SELECT mark FROM keys WHERE id = ?", (key.id,)).fetchone()
                if known is not None and known[0] != mark:
                    raise KeyringError(
                        f"key `{key.id}` must be the one that it was; got another secret under its id;"
                        " put the old line back, and add a new one with `anlan keys rotate`"
                    )
                self._file.execute(_HOLD, (key.id, mark, now))
            self._let_go({key.id for key in keyring.keys}, now)

    def _let_go(self, present: set[str], now: int) -> None:
        for key in self.held():
            if key.id in present:
                continue
            if key.needed_us is None or now < key.needed_us:
                raise KeyringError(
                    f"keyring must hold `{key.id}` {key.needed()}, or windows are cut in two; got it without;"
                    f" put its line back below the newest, or say `anlan keys forget {key.id} --now`"
                )
            self._end(key.id, now)

    def held(self) -> list[HeldKey]:
        """The keys that were not let go, the oldest first; each is needed until the next was held for long enough."""
        return _held(self._file, self._keep_us)

    def let_go(self, key: str) -> None:
        """A key is held no more, needed or not."""
        with self._file:
            self._end(key, self._clock())

    def _end(self, key: str, now: int) -> None:
        self._file.execute("UPDATE keys SET until_us = ? WHERE id = ?", (now, key))

    def forget_all(self) -> int:
        """From now on everybody is called by the newest token. How many tokens led to a name."""
        with self._file:
            count = self._file.execute("DELETE FROM names").rowcount
        self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nothing of them stays beside the file either
        return count

    def count(self) -> int:
        """How many newer tokens lead to a name."""
        return _count(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def look_at(path: Path, keep_us: int) -> tuple[list[HeldKey], int]:
    """The keys that are held and how many newer tokens lead to a name, without a change; none where no flow has run."""
    if not path.exists():
        return [], 0
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", LOCK_SECONDS, uri=True)) as file:
        return _held(file, keep_us), _count(file)


def _held(file: sqlite3.Connection, keep_us: int) -> list[HeldKey]:
    found = file.execute("SELECT id, held_us FROM keys WHERE until_us IS NULL ORDER BY held_us, rowid").fetchall()
    ends = [since + keep_us for _, since in found[1:]]
    return [HeldKey(key, since, end) for (key, since), end in zip(found, [*ends, None][: len(found)], strict=True)]


def _count(file: sqlite3.Connection) -> int:
    return int(file.execute("SELECT count(*) FROM names").fetchone()[0])


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    file = sqlite3.connect(path, LOCK_SECONDS, check_same_thread=False)
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = FULL")  # a name that was used must not be forgotten at a power cut
    file.execute("PRAGMA secure_delete = ON")  # and one that has ended must not stay in the file
    file.executescript(_CREATE)
    return file
