"""How many different values lie in a window that moves forward."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Tally:
    """Counts different values. Every step costs the same, however many there are."""

    __slots__ = ("_counts", "_held", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: deque[tuple[int, object]] = deque()
        self._counts: dict[object, int] = {}

    def copy(self) -> Tally:
        """One that goes on by itself."""
        twin = Tally(self._size)
        twin._held = self._held.copy()
        twin._counts = self._counts.copy()
        return twin

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, value: object) -> bool:
        return value in self._counts

    def values(self) -> Iterable[object]:
        """The different values."""
        return self._counts.keys()

    def move(self, now: int) -> list[object]:
        """The window ends at `now`: what is older falls out. The values that are gone with it."""
        gone: list[object] = []
        held, counts = self._held, self._counts
        while held and held[0][0] <= now - self._size:
            value = held.popleft()[1]
            left = counts[value] - 1
            if left:
                counts[value] = left
            else:
                del counts[value]
                gone.append(value)
        return gone

    def add(self, now: int, value: object) -> bool:
        """One value more, at the end of the window. Was it not there before?"""
        self._held.append((now, value))
        known = self._counts.get(value, 0)
        self._counts[value] = known + 1
        return not known
