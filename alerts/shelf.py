"""What a rule keeps by key: taken back as bytes that are read when a key is asked for, and what of it has changed.

A restart has a million keys to take back, and most of them are not asked for in the next hour. A key that sleeps
still has its timers, and is saved again as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from itertools import islice
from typing import NamedTuple, TypeVar

from msgspec import Raw

from alerts.entry import Key

T = TypeVar("T")


class Asleep(NamedTuple):
    """One key as it was saved: when it must be woken, how much it holds, and the rest unread."""

    armed: list[int]
    size: int
    state: Raw


class Shelf(MutableMapping[Key, T]):
    """What a rule keeps by key. Whoever changes a thing in its place says so with `touch`.

    The order of the keys is chance: it is another one after a restart.
    """

    __slots__ = ("_wake", "asleep", "awake", "changed", "left", "pieces")

    def __init__(self, wake: Callable[[Asleep], T]) -> None:
        """`wake` reads what was saved of a key."""
        self._wake = wake
        self.awake: dict[Key, T] = {}
        self.asleep: dict[Key, Asleep] = {}
        self.pieces: dict[Key, set[Key]] = {}  # the names of those that were saved, where a thing has pieces
        self.left: dict[Key, set[Key]] = {}  # the same of things that are gone, others may stand in their place
        # since it was last saved, and whether it then was there; None as long as nothing ever was saved
        self.changed: dict[Key, bool] | None = None

    def touch(self, key: Key) -> None:
        """What stands under a key is another than before, or no more there."""
        if self.changed is not None:
            self.changed.setdefault(key, True)

    def some_changed(self, share: float) -> list[Key]:
        """A share of them, those that changed first; they count as saved from now on."""
        if not self.changed:
            return []
        keys = list(islice(self.changed, int(share * len(self.changed))))
        for key in keys:
            del self.changed[key]
        return keys

    def begin(self, key: Key, value: T) -> None:
        """Put a thing under a key that has none."""
        self.awake[key] = value
        if self.changed is not None:
            self.changed.setdefault(key, False)

    def get(self, key: Key, default: T | None = None) -> T | None:  # type: ignore[override]
        """What stands under a key, awake from now on."""
        found = self.awake.get(key)
        if found is not None:
            return found
        return self[key] if self.asleep and key in self.asleep else default

    def __getitem__(self, key: Key) -> T:
        if key not in self.awake and key in self.asleep:
            self.awake[key] = self._wake(self.asleep[key])
            del self.asleep[key]
        return self.awake[key]

    def __setitem__(self, key: Key, value: T) -> None:
        if key in self:
            del self[key]
        self.begin(key, value)

    def __delitem__(self, key: Key) -> None:
        if self.asleep.pop(key, None) is None:
            del self.awake[key]
        if key in self.pieces:
            self.left.setdefault(key, set()).update(self.pieces.pop(key))
        if self.changed is not None and not self.changed.setdefault(key, True):
            del self.changed[key]  # nobody will miss what never was saved

    def __contains__(self, key: object) -> bool:
        return key in self.awake or key in self.asleep

    def __iter__(self) -> Iterator[Key]:
        """Every key; what is asked for on the way is woken."""
        yield from [*self.asleep, *self.awake]

    def __len__(self) -> int:
        return len(self.awake) + len(self.asleep)
