"""threshold and distinct: how many contacts, or how many different values, in one window (semantics 3)."""

from __future__ import annotations

from alerts.entry import SELECTED, Entry, Verdict
from alerts.fields import Getter
from alerts.kinds.hyperloglog import Sketch
from alerts.kinds.judge import Running
from alerts.kinds.tally import Tally
from alerts.model import Event

Rungs = list[tuple[int, int]]  # (at least, level number), highest first


def rung(rungs: Rungs, number: int) -> int:
    """The level number that `number` reaches, 0 for none."""
    for least, level in rungs:
        if number >= least:
            return level
    return 0


class Threshold:
    """At least N contacts of the key in one window; a transfer is no second contact."""

    lazy = waits = False
    stays_silent = None

    def __init__(self, rungs: Rungs) -> None:
        self.rungs = rungs
        self.least = min(least for least, _ in rungs)

    def spare(self, best: Verdict) -> int:
        """How many contacts are more than the highest rung asks for."""
        return best.count - self.rungs[0][0]

    def values(self, event: Event) -> tuple[object, ...]:
        """Nothing but the contact itself counts."""
        return ()

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Contacts(self.rungs, size)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """A counted contact is just that."""
        return ()


class _Contacts:
    __slots__ = ("contacts", "rungs", "size")

    def __init__(self, rungs: Rungs, size: int) -> None:
        self.rungs = rungs
        self.size = size
        self.contacts = Tally(size)

    def copy(self) -> Running:
        twin = _Contacts(self.rungs, self.size)
        twin.contacts = self.contacts.copy()
        return twin

    def take(self, entry: Entry) -> None:
        if entry[4] & SELECTED:
            self.contacts.move(entry[0])
            self.contacts.add(entry[0], entry[3])

    def verdict(self, *, settled: bool) -> Verdict | None:
        count = len(self.contacts)
        level = rung(self.rungs, count)
        return Verdict(level, count) if level else None


class Distinct:
    """At least N different values of one field in one window; absent values never count."""

    lazy = waits = False
    stays_silent = None

    def __init__(self, of: Getter, rungs: Rungs, exact_up_to: int) -> None:
        self.of = of
        self.rungs = rungs
        self.exact_up_to = exact_up_to
        self.least = min(exact_up_to + 1, *(least for least, _ in rungs))  # an estimate may be too high

    def spare(self, best: Verdict) -> int:
        """How many values are surely more than the highest rung asks for."""
        if 2 * self.rungs[0][0] > self.exact_up_to:
            return -1  # an estimate may be too low, but not by half
        return min(best.distinct or 0, self.exact_up_to) - self.rungs[0][0]

    def values(self, event: Event) -> tuple[object, ...]:
        """The value whose differences count."""
        value = self.of(event)
        return (str(value) if isinstance(value, list | dict) else value,)  # an attribute may be anything

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Values(self.rungs, self.exact_up_to, size)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """A counted value is just that."""
        return ()


class _Values:
    __slots__ = ("contacts", "exact_up_to", "found", "rungs", "size", "sketch")

    def __init__(self, rungs: Rungs, exact_up_to: int, size: int) -> None:
        self.rungs = rungs
        self.exact_up_to = exact_up_to
        self.size = size
        self.contacts = Tally(size)
        self.found = Tally(size)
        self.sketch: Sketch | None = None  # only where there are more values than are counted exactly

    def copy(self) -> Running:
        twin = _Values(self.rungs, self.exact_up_to, self.size)
        twin.contacts = self.contacts.copy()
        twin.found = self.found.copy()
        twin.sketch = None if self.sketch is None else self.sketch.copy()
        return twin

    def take(self, entry: Entry) -> None:
        if not entry[4] & SELECTED:
            return
        now, value = entry[0], entry[5][0]
        self.contacts.move(now)
        self.contacts.add(now, entry[3])
        gone = self.found.move(now)
        is_new = value is not None and self.found.add(now, value)
        if len(self.found) <= self.exact_up_to:
            self.sketch = None
        elif self.sketch is None:
            self.sketch = Sketch(self.found.values())
        else:
            if is_new and value not in gone:
                self.sketch.add(value)
            for each in gone:
                if each != value:
                    self.sketch.remove(each)

    def verdict(self, *, settled: bool) -> Verdict | None:
        distinct = len(self.found) if self.sketch is None else self.sketch.estimate()
        level = rung(self.rungs, distinct)
        if not level:
            return None
        return Verdict(level, len(self.contacts), distinct=distinct, exact=self.sketch is None)
