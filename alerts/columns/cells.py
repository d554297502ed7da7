"""Tumbling windows: for each cell and window how many events, of how many different keys, and the greatest level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alerts.columns.arrays import Column, Ints, TooWideError, heads

EMPTY = np.empty(0, np.int64)


class Counted(NamedTuple):
    """The cells of the windows that have closed, by window and then cell; a cell without events is not among them."""

    window: Ints  # number of the window: time // size
    cell: Ints
    events: Ints
    distinct: Ints  # keys, exact
    greatest: Ints  # level


class Cells:
    """Counts events by cell in windows `[n * size, (n + 1) * size)`, each when the watermark has passed its end."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: list[tuple[Ints, Ints, Ints, Ints]] = []  # (window, cell, key, level) of open windows

    def take(self, time: Ints, cell: Ints, key: Ints, level: Column) -> None:
        """Some events more, in any order; none belongs to a window that has closed."""
        if len(time):
            self._waiting.append((time // self._size, cell, key, level.astype(np.int64)))

    def close(self, watermark: int) -> Counted:
        """The windows that end at the watermark or before it."""
        ended = watermark // self._size
        if not any(int(window.min()) < ended for window, *_ in self._waiting):
            return Counted(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY)
        window, cell, key, level = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        over = window < ended
        rest = ~over
        self._waiting = [(window[rest], cell[rest], key[rest], level[rest])] if rest.any() else []
        return _counted(window[over], cell[over], key[over], level[over])


def _counted(window: Ints, cell: Ints, key: Ints, level: Ints) -> Counted:
    """One sort of plain numbers puts each cell together, and in it each key."""
    since = int(window.min())
    cells, keys, levels = (int(part.max()).bit_length() for part in (cell, key, level))
    if int(window.max() - since).bit_length() + cells + keys + levels > 63:
        raise TooWideError(
            f"window, cell, key and level must fit into 63 bits; got {int(window.max() - since).bit_length()}, "
            f"{cells}, {keys} and {levels}; close windows more often, or number cells and keys from 0"
        )
    row = ((((window - since) << cells | cell) << keys | key) << levels) | level
    row.sort()
    place = row >> (keys + levels)
    begins = np.flatnonzero(heads(place))
    return Counted(
        window=(place[begins] >> cells) + since,
        cell=place[begins] & ((1 << cells) - 1),
        events=np.diff(begins, append=len(row)),
        distinct=np.add.reduceat(heads(row >> levels), begins, dtype=np.int64),
        greatest=np.maximum.reduceat(row & ((1 << levels) - 1), begins),
    )
