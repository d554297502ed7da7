"""Why a rule did not speak of a key: what became of each of its events, and how near it came.

Every event of the history that belongs to the key has a *fate*, and what could have been different is said in words:
the map and entry of `select` that failed, the watermark it came behind, the contact it was part of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from alerts.authoring.distance import Distance
from alerts.authoring.hindsight import Hindsight
from alerts.authoring.nearness import Gauges, by_nearness, nearest, open_level
from alerts.authoring.select_tree import Map, Selection
from alerts.channel import Channel
from alerts.entry import LEVEL_NUMBER, RESETS, SELECTED, Entry, Key
from alerts.local_time import local_time
from alerts.model import Event, Revision, to_us
from alerts.rule import Rule

WITHDRAWN = ("retracted", "merged")
Fate = Literal[
    "counted", "resets", "not_listened_to", "not_selected", "late", "same_contact", "outside_window", "after",
    "moved_too_late",
]  # fmt: skip


class Told(Struct, frozen=True):
    """One event of the key, and what the rule made of it."""

    event: Event
    fate: Fate
    why: tuple[str, ...] = ()
    delivered_again: int = 0
    evidence_of: tuple[str, ...] = ()


class Moment(Struct, frozen=True):
    """How near the rule was to speaking at an event time: every rung, and the nearest of them."""

    at: int
    distances: tuple[Distance, ...]
    nearest: Distance | None


class Answer(Struct, frozen=True):
    """What one rule has to say for itself about one key.

    `closest` is when it came nearest to a rung above all that it has said; of several such moments the latest. `now`
    is the end of the history, and looks at the rungs above the alert that is open then.
    """

    rule: Rule
    key: Key
    events: tuple[Told, ...]
    fired: tuple[Revision, ...]  # the last revision of each alert of the key
    closest: Moment
    now: Moment


class Asker:
    """Asks the rules of one history about keys."""

    def __init__(self, hindsight: Hindsight, channels: Mapping[str, Channel]) -> None:
        self._hindsight = hindsight
        self._gauges = Gauges(hindsight.rules, channels)
        self._selections = {rule.id: Selection(rule.spec.select, channels) for rule in hindsight.rules}
        self._unless = {
            rule.id: [Map(name, spec, channels) for name, spec in rule.spec.unless.items()] for rule in hindsight.rules
        }

    def keys(self, rule: Rule, asked: Mapping[str, str]) -> list[Key]:
        """The keys of a rule that agree with the fields asked for, in the order of their values.

        A rule is meant where its key names all the fields asked for, or these name all of its key.
        """
        found = {key for pooled in self._hindsight.pooled.values() if (key := rule.key_of(pooled.event)) is not None}
        return sorted(key for key in found if _agrees(rule.key_map(key), asked))

    def why_not(self, rule: Rule, key: Key) -> Answer:
        """Everything about one key of one rule."""
        entries = self._hindsight.entries(rule, key)
        fired = tuple(self._hindsight.last(alert_id) for alert_id in self._hindsight.alerts(rule, key))
        reached = max((LEVEL_NUMBER[each.level_max] for each in fired if each.state not in WITHDRAWN), default=0)
        now = self._moment(rule, entries, self._hindsight.now, open_level(self._hindsight, rule, key))
        closest = self._closest(rule, entries, reached)
        told = tuple(self._told(rule, key, entries, closest.at))
        return Answer(rule, key, told, fired, closest, now)

    def _moment(self, rule: Rule, entries: Iterable[Entry], at: int, above: int) -> Moment:
        distances = tuple(self._gauges.distances(rule, entries, at))
        return Moment(at, distances, nearest(distances, above))

    def _closest(self, rule: Rule, entries: list[Entry], above: int) -> Moment:
        times = sorted({entry[0] for entry in entries} | {self._hindsight.now})
        moments = [self._moment(rule, entries, at, above) for at in times if at <= self._hindsight.now]
        near = [moment for moment in moments if moment.nearest is not None]
        return min(near, key=_by_nearness, default=moments[-1])

    def _told(self, rule: Rule, key: Key, entries: list[Entry], at: int) -> Iterator[Told]:
        known = {entry[2]: entry for entry in entries}
        first: dict[str, str] = {}  # contact -> its first event here
        belonging = [
            pooled.event
            for pooled in self._hindsight.pooled.values()
            if pooled.event.id in known or rule.key_of(pooled.event) == key
        ]
        for event in sorted(belonging, key=lambda event: (event.occurred_at, event.id)):
            fate, why = self._fate(rule, event, known.get(event.id), first, at)
            again = len(self._hindsight.again.get(event.id, ()))
            evidence = tuple(
                alert_id
                for alert_id in self._hindsight.alerts(rule, key)
                if event.id in self._hindsight.drafts[alert_id][-1].evidence_ids
            )
            yield Told(event, fate, why, again, evidence)

    def _fate(
        self, rule: Rule, event: Event, entry: Entry | None, first: dict[str, str], at: int
    ) -> tuple[Fate, tuple[str, ...]]:
        if entry is None:
            return self._passed_over(rule, event)
        if rule.plan is not None:
            return "counted", rule.roles(entry)
        if entry[4] & RESETS and not entry[4] & SELECTED:
            return "resets", tuple(self.resets_words(rule, event))
        known = first.setdefault(entry[3], event.id)
        if known != event.id:
            return "same_contact", (f"the same contact as `{known}`",)
        if entry[0] > at:
            return "after", ("happened after that moment",)
        if entry[0] <= at - rule.size:
            left = local_time(entry[0] + rule.size)
            return "outside_window", (f"left the window of {rule.spec.window.size} at {left}",)
        return "counted", tuple(self.resets_words(rule, event)) if entry[4] & RESETS else ()

    def _passed_over(self, rule: Rule, event: Event) -> tuple[Fate, tuple[str, ...]]:
        late = self._hindsight.late.get((rule.id, event.id))
        if late is not None:
            arrived, waited = local_time(to_us(late.arrived_at)), local_time(to_us(late.watermark))
            return "late", (f"arrived {arrived}, when the rule waited only back to {waited}",)
        if event.channel not in rule.channels:
            return "not_listened_to", (f"the rule does not listen to `{event.channel}`",)
        if not rule.role_of(event):
            return "not_selected", self._selections[rule.id].evaluate(event).why_not
        return "moved_too_late", ("joined this key only when the rule no longer waited for it",)

    def resets_words(self, rule: Rule, event: Event) -> list[str]:
        """The `unless` maps that an event fits."""
        fits = [each.name for each in self._unless[rule.id] if each.evaluate(event).passed]
        return [f"begins anew: `{name}`" for name in fits]


def needs_words(rule: Rule, distance: Distance) -> str:
    """`needs 1 more contact inside 7d, i.e. before 2026-03-09 10:00`."""
    before = f", i.e. before {local_time(distance.before)}" if distance.before is not None else ""
    return f"needs {distance.needs} inside {rule.spec.window.size}{before} ({distance.level})"


def _agrees(key: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """The fields that both name have equal values, and one names all that the other does."""
    shared = set(key) & set(asked)
    return len(shared) == min(len(key), len(asked)) and all(key[name] == asked[name] for name in shared)


def _by_nearness(moment: Moment) -> tuple[float, ...]:
    assert moment.nearest is not None
    return (*by_nearness(moment.nearest), -moment.at)
