"""Texts as numbers from 0 on, and how numbers that one process gave are understood by another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alerts.columns.arrays import Ints


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


class Translated:
    """Numbers that another one gave, as numbers of our own: it sends the text of each once, before its number."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._own = np.empty(0, np.int64)

    def learn(self, names: Sequence[str]) -> None:
        """The texts of the next numbers."""
        if names:
            self._own = np.concatenate([self._own, self._codes.of(names)])

    def of(self, theirs: Ints) -> Ints:
        """Our numbers for theirs."""
        return self._own[theirs]
