"""Many texts as numbers: an open hash table in arrays, asked for thousands of texts in a few passes.

A dictionary of hundreds of thousands of texts waits for memory several times at each look, one look after the other;
passes over arrays wait for many at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alerts.columns.arrays import Ints, fixed

Words: TypeAlias = NDArray[np.uint64]  # a row for each text, eight bytes of it a column

_ODD = 0x9E3779B97F4A7C15
_FIRST_BITS = 12
_FULLEST = 2  # the table has room for this many times what is in it


class ManyCodes:
    """A number for each text: 0 for the first that was asked for, 1 for the next, … Texts must not end with NUL."""

    def __init__(self) -> None:
        self.names: list[str] = []  # by number
        self._words: Words = np.zeros((1024, 1), np.uint64)  # by number
        self._table = np.zeros(1 << _FIRST_BITS, np.int32)  # by place: number + 1, or 0
        self._bits = _FIRST_BITS

    def __len__(self) -> int:
        return len(self.names)

    def of(self, names: Sequence[str]) -> Ints:
        """The numbers of some texts, those that are new among them."""
        words = self._words_of(names)
        found, fresh = self._look(words)
        if len(fresh):
            numbers = {name: len(self.names) + place for place, name in enumerate(_once(names, fresh))}
            found[fresh] = [numbers[names[row]] for row in fresh.tolist()]
            first = dict(zip(found[fresh].tolist(), fresh.tolist(), strict=True))  # any row of each: they are equal
            self._add(list(numbers), words[[first[number] for number in numbers.values()]])
        return found

    def _words_of(self, names: Sequence[str]) -> Words:
        """Texts as whole numbers, as wide as the widest so far."""
        text = fixed(names)
        width = max(-(-text.itemsize // 8), self._words.shape[1])
        if width > self._words.shape[1]:
            self._widen(width)
        return text.astype(f"S{8 * width}").view(np.uint64).reshape(len(names), width)

    def _look(self, words: Words) -> tuple[Ints, Ints]:
        """The number of each text, and the rows of those that are not known."""
        found = np.full(len(words), -1)
        fresh = []
        rows, place = np.arange(len(words)), self._places(words)
        while len(rows):
            number = self._table[place] - 1
            is_free = number < 0
            is_same = (self._words[number] == words[rows]).all(axis=1) & ~is_free
            found[rows[is_same]] = number[is_same]
            fresh.append(rows[is_free])
            other = ~is_same & ~is_free
            rows, place = rows[other], (place[other] + 1) & (len(self._table) - 1)
        return found, np.concatenate(fresh) if fresh else rows

    def _places(self, words: Words) -> Ints:
        """Where in the table each text is looked for first."""
        mixed = words[:, 0] * np.uint64(_ODD)
        for column in range(1, words.shape[1]):
            mixed = (mixed ^ (mixed >> np.uint64(29)) ^ words[:, column]) * np.uint64(_ODD)
        return (mixed >> np.uint64(64 - self._bits)).astype(np.int64)

    def _add(self, names: list[str], words: Words) -> None:
        """Texts that are not known yet, each once."""
        known, size = len(self.names), len(self.names) + len(names)
        self.names += names
        if size > len(self._words):
            self._words = _with_rows(self._words, size)
        self._words[known:size] = words
        if size * _FULLEST > len(self._table):
            self._bits = (size * _FULLEST).bit_length() + 1
            self._table = np.zeros(1 << self._bits, np.int32)
            known = 0
        self._settle(np.arange(known, size, dtype=np.int32))

    def _settle(self, numbers: NDArray[np.int32]) -> None:
        """A free place for each number; of several that want one, the last gets it and the others look on."""
        place = self._places(self._words[numbers])
        while len(numbers):
            is_free = self._table[place] == 0
            self._table[place[is_free]] = numbers[is_free] + 1
            without = self._table[place] != numbers + 1
            numbers, place = numbers[without], (place[without] + 1) & (len(self._table) - 1)

    def _widen(self, width: int) -> None:
        wider = np.zeros((len(self._words), width), np.uint64)
        wider[:, : self._words.shape[1]] = self._words
        self._words = wider
        self._table[:] = 0
        self._settle(np.arange(len(self.names), dtype=np.int32))


def _once(names: Sequence[str], rows: Ints) -> list[str]:
    """The texts of some rows, each once, as they come first."""
    return list(dict.fromkeys([names[row] for row in np.sort(rows).tolist()]))


def _with_rows(words: Words, rows: int) -> Words:
    more = np.zeros((1 << rows.bit_length(), words.shape[1]), np.uint64)
    more[: len(words)] = words
    return more
