"""threshold and distinct: how many contacts, or how many different values, in one window (semantics 3)."""

from __future__ import annotations

from alerts.entry import SELECTED, Entry, Verdict, contacts
from alerts.fields import Getter
from alerts.kinds.hyperloglog import estimate
from alerts.model import Event

Rungs = list[tuple[int, int]]  # (at least, level number), highest first


def rung(rungs: Rungs, number: int) -> int:
    """The level number that `number` reaches, 0 for none."""
    for least, level in rungs:
        if number >= least:
            return level
    return 0


class Threshold:
    """At least N contacts of the key in one window."""

    lazy = False

    def __init__(self, rungs: Rungs) -> None:
        self.rungs = rungs
        self.least = rungs[-1][0]

    def values(self, event: Event) -> tuple[object, ...]:
        """Nothing but the contact itself counts."""
        return ()

    def judge(
        self, entries: list[Entry], start: int, end: int, *, settled: bool, linked: bool
    ) -> Verdict | None:
        """A verdict where the window holds enough contacts."""
        if end - start + 1 < self.least:
            return None
        count = contacts(entries, start, end, linked)
        level = rung(self.rungs, count)
        return Verdict(level, count) if level else None

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """A counted contact is just that."""
        return ()


class Distinct:
    """At least N different values of one field in one window; absent values never count."""

    lazy = False

    def __init__(self, of: Getter, rungs: Rungs, exact_up_to: int) -> None:
        self.of = of
        self.rungs = rungs
        self.least = rungs[-1][0]
        self.exact_up_to = exact_up_to

    def values(self, event: Event) -> tuple[object, ...]:
        """The value whose differences count."""
        return (self.of(event),)

    def judge(
        self, entries: list[Entry], start: int, end: int, *, settled: bool, linked: bool
    ) -> Verdict | None:
        """A verdict where the window holds enough different values."""
        if end - start + 1 < self.least:
            return None
        found = {entry[5][0] for entry in entries[start : end + 1] if entry[4] & SELECTED}
        found.discard(None)
        exact = len(found) <= self.exact_up_to
        distinct = len(found) if exact else estimate(found)
        level = rung(self.rungs, distinct)
        if not level:
            return None
        return Verdict(level, contacts(entries, start, end, linked), distinct=distinct, exact=exact)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """A counted value is just that."""
        return ()
