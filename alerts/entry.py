"""What a rule keeps of an event, and what it says about one: the small tuples that detection runs on."""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from alerts.model import Event, Level

SELECTED = 1  # the event counts
RESETS = 2  # the event is one of the rule's `unless`

Key = tuple[str, ...]  # first the number of the alternative ("0" key, "1" key_fallback, "r" rolled up), then the values

# (occurred_us, channel rank, id, contact, role, values, event): the first three are the total order of semantics 1.
# `contact` is the id of the first event of the same contact; `values` is what the rule's kind measures.
Entry = tuple[int, int, str, str, int, tuple[object, ...], Event]

LEVEL_NUMBER: dict[Level, int] = {"blue": 1, "yellow": 2, "red": 3}
RED = 3
LEVEL_NAME: tuple[Level, ...] = ("blue", "blue", "yellow", "red")


class Verdict(Struct, frozen=True, array_like=True):
    """What a rule says of one event and the window that ends with it. `level` is 1 blue, 2 yellow, 3 red."""

    level: int
    count: int = 0
    distinct: int | None = None
    exact: bool | None = None
    steps: int | None = None
    branches: tuple[str, ...] = ()
    path: tuple[object, ...] = ()
    measures: tuple[tuple[str, object], ...] = ()

    def weight(self) -> tuple[int, int, int, int]:
        """The order in which the strongest of several verdicts is the one that an alert shows."""
        return (self.level, self.steps or 0, self.distinct or 0, self.count)


def window_start(entries: list[Entry], end: int, size: int) -> int:
    """Index of the first entry inside `(t - size, t]`, where t is the time of entry `end`."""
    return bisect_right(entries, (entries[end][0] - size, 1 << 31), 0, end)
