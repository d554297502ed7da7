"""Few texts, and pairs of numbers, as numbers from 0 on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alerts.columns.arrays import Ints, grown


class Codes(dict[str, int]):
    """A number for each text: 0 for the first that was asked for, 1 for the next, …"""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []  # by number

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
