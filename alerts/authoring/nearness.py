"""The near-miss board: which keys are closest to firing, over all rules.

At an instant `at` and for a key that is not firing (or whose open alert has a higher rung above it), every rung has
a distance: what is measured in the window `(at - size, at]`, what is needed, and `missing = needed - measured`, at
least one event (`alerts.authoring.gauges`). The nearest rung of a key is its place on the board. Keys are ranked by

    missing, smallest first; then the higher level; then the greater share `measured / needed`; then the newest
    event; then rule and key

and a key of which nothing is measured has no place. The extra levels of aftercare are not added. What is missing is
said with the event time before which it must happen, since after it something counted falls out of the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from alerts.authoring.distance import Distance, Gauge
from alerts.authoring.gauges import gauge_of
from alerts.authoring.hindsight import OPEN, Hindsight
from alerts.channel import Channel
from alerts.entry import LEVEL_NUMBER, SELECTED, Entry, Key
from alerts.model import Revision
from alerts.rule import Rule


class Near(Struct, frozen=True):
    """One key on the board: its nearest rung, and the newest event it stands on."""

    rule: str
    key: Key
    distance: Distance
    newest: Entry
    open_level: int = 0  # of its open alert, 0 for none

    def rank(self) -> tuple[float, int, float, int, str, Key]:
        """Its place on the board, smallest first."""
        missing, level, share = by_nearness(self.distance)
        return (missing, level, share, -self.newest[0], self.rule, self.key)


class Gauges:
    """The gauges of some rules, and the rules that have none."""

    def __init__(self, rules: Sequence[Rule], channels: Mapping[str, Channel]) -> None:
        self._gauges: dict[str, Gauge] = {}
        self.left_out: list[Rule] = []  # their kind has neither a distance nor a due time
        for rule in rules:
            gauge = gauge_of(rule, channels)
            if gauge is None and rule.spec.kind != "obligation":  # what is owed has a table of its own
                self.left_out.append(rule)
            elif gauge is not None:
                self._gauges[rule.id] = gauge

    def distances(self, rule: Rule, entries: Iterable[Entry], at: int) -> list[Distance]:
        """The distance of every rung, given all the entries of a key in their order."""
        gauge = self._gauges.get(rule.id)
        return gauge(in_window(rule, entries, at), at) if gauge is not None else []

    def has(self, rule: Rule) -> bool:
        """Is there a distance for the kind of the rule?"""
        return rule.id in self._gauges


def board(hindsight: Hindsight, gauges: Gauges, at: int) -> list[Near]:
    """Every key that has a place on the board at event time `at`, the nearest first."""
    found = (near(hindsight, gauges, rule, key, at) for rule, key in hindsight.counted_keys())
    return sorted((each for each in found if each is not None), key=Near.rank)


def near(hindsight: Hindsight, gauges: Gauges, rule: Rule, key: Key, at: int) -> Near | None:
    """The place of one key, or None where nothing is measured or no rung is left above its open alert."""
    if not gauges.has(rule) or hindsight.newest(rule, key) <= at - rule.size:
        return None
    window = in_window(rule, hindsight.entries(rule, key), at)
    newest = next((entry for entry in reversed(window) if entry[4] & SELECTED), None)
    if newest is None:
        return None
    level = open_level(hindsight, rule, key)
    distance = nearest(gauges.distances(rule, window, at), level)
    return None if distance is None else Near(rule.id, key, distance, newest, level)


def nearest(distances: Iterable[Distance], above: int = 0) -> Distance | None:
    """The rung that is closest of those with something measured and a level above `above`."""
    candidates = [each for each in distances if each.measured > 0 and LEVEL_NUMBER[each.level] > above]
    return min(candidates, key=by_nearness, default=None)


def by_nearness(distance: Distance) -> tuple[float, int, float]:
    """The order in which one rung is nearer than another."""
    return (distance.missing, -LEVEL_NUMBER[distance.level], -distance.share)


def open_level(hindsight: Hindsight, rule: Rule, key: Key) -> int:
    """The level number of the open alert of a key, 0 where none is open."""
    return max((LEVEL_NUMBER[each.level] for each in _open(hindsight, rule, key)), default=0)


def in_window(rule: Rule, entries: Iterable[Entry], at: int) -> list[Entry]:
    """The entries inside `(at - size, at]`."""
    return [entry for entry in entries if at - rule.size < entry[0] <= at]


def _open(hindsight: Hindsight, rule: Rule, key: Key) -> Iterator[Revision]:
    last = (hindsight.last(alert_id) for alert_id in hindsight.alerts(rule, key))
    return (revision for revision in last if revision.state in OPEN)
