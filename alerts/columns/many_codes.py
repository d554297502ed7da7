"""Many texts as numbers: an open hash table in arrays, asked for thousands of texts in a few passes.

A dictionary of hundreds of thousands of texts waits for memory several times at each look, one look after the other;
passes over arrays wait for many at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alerts.columns.arrays import Column, Ints, Mask, fixed

Words: TypeAlias = NDArray[np.uint64]  # a row for each text, eight bytes of it a column
Mixed: TypeAlias = NDArray[np.uint64]  # a number for each text, in which every byte counts

_ODD = np.uint64(0x9E3779B97F4A7C15)
_FIRST_BITS = 12
_FULLEST = 2  # the table has room for this many times what is in it


class ManyCodes:
    """A number for each text: 0 for the first that was asked for, 1 for the next, … Texts must not end with NUL."""

    def __init__(self) -> None:
        self._size = 0
        self._words: Words = np.zeros((1024, 1), np.uint64)  # by number
        self._table = np.zeros(1 << _FIRST_BITS, np.int32)  # by place: number + 1, or 0
        self._bits = _FIRST_BITS

    def __len__(self) -> int:
        return self._size

    def of(self, names: Sequence[str]) -> Ints:
        """The numbers of some texts, those that are new among them."""
        return self.of_written(fixed(names))

    def of_written(self, written: Column) -> Ints:
        """The same for texts as bytes, the form that `written` gives."""
        words = self._words_of(written)
        mixed = _mixed(words)
        found, fresh = self._look(words, mixed)
        if len(fresh):
            first, which = _each_once(words[fresh], mixed[fresh])
            found[fresh] = self._size + which
            self._add(words[fresh[first]])
        return found

    def written(self, numbers: Ints) -> Column:
        """The texts of some numbers, as bytes."""
        return self._words[numbers].view(f"S{8 * self._words.shape[1]}").reshape(len(numbers))

    def names(self, numbers: Ints) -> list[str]:
        """The texts of some numbers."""
        return [name.decode() for name in self.written(numbers).tolist()]

    def _words_of(self, written: Column) -> Words:
        """Texts as whole numbers, as wide as the widest so far."""
        width = max(-(-written.itemsize // 8), self._words.shape[1])
        if width > self._words.shape[1]:
            self._widen(width)
        return _as_words(written, width)

    def _look(self, words: Words, mixed: Mixed) -> tuple[Ints, Ints]:
        """The number of each text, and the rows of those that are not known, in order."""
        found = np.full(len(words), -1)
        rows, place = np.arange(len(words)), self._places(mixed)
        while len(rows):
            number = self._table.take(place) - 1
            is_same = _are_same(self._words.take(number, axis=0), words) & (number >= 0)
            found[rows[is_same]] = number[is_same]
            other = np.flatnonzero(~is_same & (number >= 0))
            words, rows = words[other], rows[other]
            place = (place[other] + 1) & (len(self._table) - 1)
        return found, np.flatnonzero(found < 0)

    def _places(self, mixed: Mixed) -> Ints:
        """Where in the table each text is looked for first."""
        return (mixed >> np.uint64(64 - self._bits)).astype(np.int64)

    def _add(self, words: Words) -> None:
        """Texts that are not known yet, each once."""
        known, self._size = self._size, self._size + len(words)
        if self._size > len(self._words):
            more = np.zeros((1 << self._size.bit_length(), words.shape[1]), np.uint64)
            more[:known] = self._words[:known]
            self._words = more
        self._words[known : self._size] = words
        if self._size * _FULLEST > len(self._table):
            self._bits = (self._size * _FULLEST).bit_length() + 1
            self._table = np.zeros(1 << self._bits, np.int32)
            known = 0
        self._settle(known)

    def _settle(self, since: int) -> None:
        """A free place for each number from some on; of several that want one, one gets it and the others look on."""
        numbers = np.arange(since, self._size, dtype=np.int32)
        place = self._places(_mixed(self._words[since : self._size]))
        while len(numbers):
            is_free = self._table[place] == 0
            self._table[place[is_free]] = numbers[is_free] + 1
            without = self._table[place] != numbers + 1
            numbers, place = numbers[without], (place[without] + 1) & (len(self._table) - 1)

    def _widen(self, width: int) -> None:
        wider = np.zeros((len(self._words), width), np.uint64)
        wider[:, : self._words.shape[1]] = self._words
        self._words = wider  # what is empty behind a text leaves its place as it is


def shares_of(written: Column, shares: int) -> Ints:
    """A share in `[0, shares)` for each text, given as bytes: the same for the same text, wherever it is asked."""
    if shares == 1:
        return np.zeros(len(written), np.int64)
    return (_mixed(_as_words(written, -(-written.itemsize // 8))) % np.uint64(shares)).astype(np.int64)


def _as_words(written: Column, width: int) -> Words:
    return written.astype(f"S{8 * width}", copy=False).view(np.uint64).reshape(len(written), width)


def _mixed(words: Words) -> Mixed:
    """The same however wide the texts are."""
    mixed = np.zeros(len(words), np.uint64)
    factor = _ODD
    for column in range(words.shape[1]):
        word = words[:, column]
        mixed += (word ^ (word >> np.uint64(32))) * factor
        factor = np.uint64(int(factor) * int(_ODD) & (1 << 64) - 1)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _ODD
    return mixed ^ (mixed >> np.uint64(32))


def _are_same(some: Words, others: Words) -> Mask:
    """Row by row; a column after the other, which is several times faster than `all(axis=1)`."""
    is_same: Mask = some[:, 0] == others[:, 0]
    for column in range(1, some.shape[1]):
        is_same &= some[:, column] == others[:, column]
    return is_same


def _each_once(words: Words, mixed: Mixed) -> tuple[Ints, Ints]:
    """Where each text comes first, in order; and for each row which of them it is."""
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if not _are_same(words[first[which]], words).all():  # two that are mixed to one number
        whole = np.ascontiguousarray(words).view(np.dtype((np.void, words.dtype.itemsize * words.shape[1]))).ravel()
        _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    order = np.argsort(first)
    rank[order] = np.arange(len(first))
    return first[order], rank[which]
