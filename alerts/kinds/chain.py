"""chain: the longest strictly increasing subsequence of a measure that ends at the newest event (semantics 4)."""

from __future__ import annotations

from alerts.entry import RESETS, SELECTED, Entry


def longest_chain(entries: list[Entry], start: int, end: int, column: int) -> tuple[object, ...]:
    """The measures of the longest strictly increasing chain that ends at entry `end`, oldest first.

    It does not cross an `unless` entry, and an entry without the measure is passed over. (3, 2, 3) climbs from
    2 to 3: the longest, not the greedy one. Of equally long chains the latest-starting one is taken.
    """
    last = entries[end][5][column]
    if last is None:
        return ()
    best: dict[int, tuple[int, int, tuple[object, ...]]] = {}  # measure -> (length, start index, path)
    for index in range(start, end + 1):
        entry = entries[index]
        if entry[4] & RESETS:
            best.clear()
        measure = entry[5][column] if entry[4] & SELECTED else None
        if not isinstance(measure, int) or (index < end and measure >= last):  # type: ignore[operator]
            continue
        length, began, path = 0, index, ()
        for lower, (steps, first, walked) in best.items():
            if lower < measure and (steps, first) > (length, began if length else -1):
                length, began, path = steps, first, walked
        mine = (length + 1, began, (*path, measure))
        if measure not in best or mine[:2] > best[measure][:2]:
            best[measure] = mine
    return best[last][2] if last in best else ()  # type: ignore[index]
