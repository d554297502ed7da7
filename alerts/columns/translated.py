"""Numbers for texts that go from one process to others: each text is sent once, to the process that looks after it."""

from __future__ import annotations

import numpy as np

from alerts.columns.arrays import Column, Growing, Ints
from alerts.columns.many_codes import ManyCodes, shares_of


class Owners:
    """The sender's side: which process looks after each text, and its number among those of that process."""

    def __init__(self, codes: ManyCodes, processes: int) -> None:
        self._codes = codes
        self._processes = processes
        self._owner = Growing()
        self._place = Growing()
        self._counts = [0] * processes

    def learn(self) -> list[Column]:
        """The texts that have come since the last time, as bytes; those of each process."""
        fresh = np.arange(len(self._owner), len(self._codes))
        owner = shares_of(self._codes.written(fresh), self._processes)
        place = np.empty(len(fresh), np.int64)
        told = []
        for process in range(self._processes):
            own = np.flatnonzero(owner == process)
            place[own] = self._counts[process] + np.arange(len(own))
            self._counts[process] += len(own)
            told.append(self._codes.written(fresh[own]))
        self._owner.add(owner)
        self._place.add(place)
        return told

    def of(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Process, and number there, of some texts that are learnt."""
        return self._owner[numbers], self._place[numbers]


class Translated:
    """The receiver's side: the numbers of one of its senders as numbers of its own."""

    def __init__(self, codes: ManyCodes) -> None:
        self._codes = codes
        self._own = Growing()
        self._told: list[Column] = []  # texts that nobody has asked for yet

    def learn(self, written: Column) -> None:
        """The texts of the sender's next numbers."""
        if len(written):
            self._told.append(written)

    def of(self, theirs: Ints) -> Ints:
        """Our numbers for theirs."""
        if self._told:
            self._own.add(self._codes.of_written(np.concatenate(self._told)))
            self._told = []
        return self._own[theirs]
