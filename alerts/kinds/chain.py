"""chain: the longest strictly increasing subsequence of a measure that ends at the newest event (semantics 4)."""

from __future__ import annotations

from alerts.entry import RESETS, SELECTED, Entry

Order = tuple[int, int, str]
Path = tuple[int, ...]
Walk = tuple[Order, Path]  # (where it starts, its measures)


class LongestChain:
    """Follows the chains through a window that moves forward.

    A chain does not cross an `unless` entry, and an entry without the measure is passed over. (3, 2, 3) climbs
    from 2 to 3: the longest, not the greedy one. Of equally long chains the latest-starting one is taken, and
    of those the one with the smaller measures.
    """

    __slots__ = ("_best", "_column", "_size", "path")

    def __init__(self, column: int, size: int) -> None:
        self.path: Path = ()  # of the longest chain that ends at the newest entry, oldest measure first
        self._column = column
        self._size = size
        self._best: dict[int, dict[int, Walk]] = {}  # last measure -> length -> the latest-starting walk

    def copy(self) -> LongestChain:
        """One that goes on by itself."""
        twin = LongestChain(self._column, self._size)
        twin.path = self.path
        twin._best = {measure: walks.copy() for measure, walks in self._best.items()}
        return twin

    def take(self, entry: Entry) -> None:
        """One entry further."""
        self.path = ()
        if entry[4] & RESETS:
            self._best.clear()
        measure = entry[5][self._column] if entry[4] & SELECTED else None
        if not isinstance(measure, int):
            return
        ending = self._ending(measure, entry)
        self.path = ending[max(ending)][1]
        known = self._best.setdefault(measure, {})
        for length, walk in ending.items():
            if length not in known or _is_better(walk, known[length]):
                known[length] = walk

    def _ending(self, measure: int, entry: Entry) -> dict[int, Walk]:
        """The best walks that end at this entry, by their length."""
        oldest = entry[0] - self._size
        ending: dict[int, Walk] = {1: (entry[:3], (measure,))}
        for lower, walks in self._best.items():
            if lower >= measure:
                continue
            for length, (start, path) in walks.items():
                walk = (start, (*path, measure))
                if start[0] > oldest and (length + 1 not in ending or _is_better(walk, ending[length + 1])):
                    ending[length + 1] = walk
        return ending


def _is_better(one: Walk, other: Walk) -> bool:
    return one[0] > other[0] or (one[0] == other[0] and one[1] < other[1])
