"""Texts as numbers from 0 on, and how numbers that one process gave are understood by another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alerts.columns.arrays import Ints, grown


class Codes(dict[str, int]):
    """A number for each text: 0 for the first that was asked for, 1 for the next, …"""

    def __init__(self, names: Sequence[str] = ()) -> None:
        super().__init__({name: code for code, name in enumerate(names)})
        self.names = list(names)  # by number

    def __missing__(self, name: str) -> int:
        code = self[name] = len(self.names)
        self.names.append(name)
        return code

    def of(self, names: Sequence[str]) -> Ints:
        """The numbers of some texts, those that are new among them."""
        return np.fromiter(map(self.__getitem__, names), np.int64, len(names))


class PairCodes:
    """A number for each pair of numbers below some bounds, given as `Codes` gives them to texts."""

    def __init__(self, bound: int) -> None:
        """`bound` is above every second number."""
        self._bound = bound
        self._code = np.empty(0, np.int64)  # by pair; -1 where it has none
        self._count = 0

    def of(self, first: Ints, second: Ints) -> tuple[Ints, list[tuple[int, int]]]:
        """The numbers of some pairs, and those pairs that are new, in the order of their numbers."""
        pair = first * self._bound + second
        self._code = grown(self._code, int(pair.max(initial=-1)) + 1, -1)
        fresh = np.unique(pair[self._code[pair] < 0])
        self._code[fresh] = np.arange(self._count, self._count + len(fresh))
        self._count += len(fresh)
        return self._code[pair], [divmod(each, self._bound) for each in fresh.tolist()]


class Translated:
    """Numbers that another one gave, as numbers of our own: it sends the text of each once, before its number."""

    def __init__(self, codes: Codes, *, is_only: bool = False) -> None:
        """Where one `is_only` with its numbers, they are ours as well."""
        self._codes = codes
        self._is_only = is_only
        self._own = np.empty(0, np.int64)

    def learn(self, names: Sequence[str]) -> None:
        """The texts of the next numbers."""
        if self._is_only:
            self._codes.names += names
        elif names:
            self._own = np.append(self._own, self._codes.of(names))

    def of(self, theirs: Ints) -> Ints:
        """Our numbers for theirs."""
        return theirs if self._is_only else self._own[theirs]
