"""Detection: the tracks and alerts of one shard of keys, driven by slices of the log.

A shard gets, for every slice, the events whose keys are its own and the timelines of the watermarks. It answers
with drafts. Its answer depends on nothing else, so any number of shards and workers give the same drafts.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from alerts.alert import Alerts, Draft, Moment
from alerts.clock import ALWAYS, NEVER, Timeline
from alerts.entry import Entry
from alerts.model import Event
from alerts.rule import Key, Rule
from alerts.track import Track

STATE_VERSION = 1


class Item(NamedTuple):
    """One event on its way to one key of one rule.

    `at` is its arrival, `number` its place in the log, `watermark` the rule's `Wc` when it arrived.
    The event `gone` leaves the key: it turned out to belong elsewhere, or, with an entry, to be another contact.
    """

    at: int
    number: int
    rule: int
    key: Key
    watermark: int
    entry: Entry | None
    gone: str | None = None
    produced_us: int = 0


class Work(NamedTuple):
    """What one slice of the log means for one shard. `timelines` by group of rules."""

    slice: int
    end: int
    timelines: Sequence[Timeline]
    items: Sequence[Item]
    last: bool = False  # the input is bounded and ends here


# (event time, when it was set, rule, key)
Timer = tuple[int, int, int, Key]


class Shard:
    """All keys of one shard: the third of the four places where state is kept."""

    def __init__(self, rules: Sequence[Rule], groups: Sequence[int]) -> None:
        self.rules = rules
        self.group_of = groups
        self.tracks: list[dict[Key, tuple[Track, Alerts]]] = [{} for _ in rules]
        self.timers: list[list[Timer]] = [[] for _ in range(max(groups, default=-1) + 1)]
        self.clock_timers: list[tuple[int, int, Key]] = []
        self._timelines: Sequence[Timeline] = ()  # of the slice at hand
        self._soonest = ALWAYS

    def take(self, work: Work) -> list[Draft]:
        """The drafts of one slice, in the order of the log."""
        drafts: list[Draft] = []
        self._timelines = work.timelines
        self._soonest = self._earliest()
        for _, record in groupby(work.items, key=lambda item: item.number):
            self._take_record(work, list(record), drafts)
        self._fire(work, work.end, drafts)
        if work.last:
            drafts += self._standing(work.end)
        drafts.sort(key=lambda draft: draft.order)
        return drafts

    def _take_record(self, work: Work, items: list[Item], drafts: list[Draft]) -> None:
        """Everything that one record of the log changes, and then each key it touched is looked at once."""
        at = items[0].at
        if self._soonest < at:
            self._fire(work, at, drafts)
        moved: dict[tuple[int, Key], bool] = {}
        for item in items:
            if self._apply(item):
                touched = (item.rule, item.key)
                moved[touched] = moved.get(touched, False) or item.entry is None
        for (rule, key), is_moved in moved.items():
            track, alerts = self.tracks[rule][key]
            moment = Moment(at, 0, items[0].number, items[-1].produced_us, moved=is_moved)
            self._reconcile(track, alerts, moment, drafts)
            self._arm(track, at)

    def _earliest(self) -> int:
        """No timer is due before this clock instant."""
        times = [
            timeline.not_before(heap[0][0]) for heap, timeline in zip(self.timers, self._timelines, strict=True) if heap
        ]
        if self.clock_timers:
            times.append(self.clock_timers[0][0])
        return min(times, default=ALWAYS)

    def _apply(self, item: Item) -> bool:
        known = self.tracks[item.rule]
        pair = known.get(item.key)
        if pair is None:
            if item.entry is None:
                return False
            pair = known[item.key] = (Track(self.rules[item.rule], item.key), Alerts())
        track = pair[0]
        left = item.gone is not None and track.remove(item.gone, item.watermark)
        came = item.entry is not None and track.add(item.entry, item.watermark)
        return left or came

    def _reconcile(self, track: Track, alerts: Alerts, moment: Moment, drafts: list[Draft]) -> None:
        if track.head.number == 0 and not alerts.known:
            return
        drafts += alerts.reconcile(track.rule, track.key, track.head, track.settled, moment)
        self._arm_clock(track, alerts)

    def _arm(self, track: Track, now: int) -> None:
        wanted = track.next_timer()
        if wanted < track.timer:
            track.timer = wanted
            number = track.rule.number
            group = self.group_of[number]
            heapq.heappush(self.timers[group], (wanted, now, number, track.key))
            if self._timelines:
                self._soonest = min(self._soonest, self._timelines[group].not_before(wanted))

    def _arm_clock(self, track: Track, alerts: Alerts) -> None:
        due = alerts.next_timer(track.rule)
        if due != alerts.timer:
            alerts.timer = due
            if due < ALWAYS:
                heapq.heappush(self.clock_timers, (due, track.rule.number, track.key))
                self._soonest = min(self._soonest, due)

    def _fire(self, work: Work, until: int, drafts: list[Draft]) -> None:
        """Every timer that is due before the clock instant `until`, in the order of instants."""
        while True:
            instant, group = self._next_due(work)
            if instant >= until:
                self._soonest = self._earliest()
                return
            if group < 0:
                self._fire_clock_timer(drafts)
            else:
                self._fire_timer(group, instant, drafts)

    def _next_due(self, work: Work) -> tuple[int, int]:
        best, group = (self.clock_timers[0][0], -1) if self.clock_timers else (ALWAYS, -1)
        for number, heap in enumerate(self.timers):
            timeline = work.timelines[number]
            if heap and timeline.not_before(heap[0][0]) < best:
                due = timeline.due(heap[0][0])
                if due is not None and max(due, heap[0][1]) < best:
                    best, group = max(due, heap[0][1]), number
        return best, group

    def _fire_timer(self, group: int, instant: int, drafts: list[Draft]) -> None:
        event_time, _, number, key = heapq.heappop(self.timers[group])
        pair = self.tracks[number].get(key)
        if pair is None or pair[0].timer != event_time:
            return
        track, alerts = pair
        track.timer = ALWAYS
        track.pass_watermark(event_time)
        self._reconcile(track, alerts, Moment(instant, 1), drafts)
        if track.is_over():
            alerts.forget(track.settled.number)
        if not alerts.known and track.is_forgettable():
            del self.tracks[number][key]
        else:
            self._arm(track, instant)

    def _fire_clock_timer(self, drafts: list[Draft]) -> None:
        due, number, key = heapq.heappop(self.clock_timers)
        pair = self.tracks[number].get(key)
        if pair is not None and pair[1].timer == due:
            pair[1].timer = ALWAYS
            self._reconcile(*pair, Moment(due, 1), drafts)

    def _standing(self, end: int) -> list[Draft]:
        found: list[Draft] = []
        for known in self.tracks:
            for track, alerts in known.values():
                found += alerts.standing(track.rule, track.key, track.head, Moment(end, 1))
        return found

    def sizes(self) -> list[tuple[str, int, int, int]]:
        """For each rule: its id, and how many keys, events and open alerts are kept."""
        return [
            (
                rule.id,
                len(known),
                sum(len(track.entries) for track, _ in known.values()),
                sum(alerts.count_open() for _, alerts in known.values()),
            )
            for rule, known in zip(self.rules, self.tracks, strict=True)
        ]

    def snapshot(self) -> bytes:
        """Everything that is kept, as msgpack; rules are found again by id and semantic hash."""
        tracks = {
            f"{rule.id}@{rule.semantic_hash}": [[track.state(), alerts.state()] for track, alerts in known.values()]
            for rule, known in zip(self.rules, self.tracks, strict=True)
        }
        return _ENCODER.encode([STATE_VERSION, tracks])

    def restore(self, snapshot: bytes) -> None:
        """Take back what `snapshot` gave. A rule that is no longer there, or means another thing, is left out."""
        version, tracks = msgspec.msgpack.decode(snapshot)
        if version != STATE_VERSION:
            raise ValueError(f"state must have version {STATE_VERSION}; got {version}; rebuild from the intake log")
        for number, rule in enumerate(self.rules):
            for kept, alerts in tracks.get(f"{rule.id}@{rule.semantic_hash}", ()):
                track = Track.restored(rule, kept, _revived)
                pair = self.tracks[number][track.key] = (track, Alerts.restored(alerts))
                self._arm(track, NEVER)
                self._arm_clock(track, pair[1])


def _encode_extra(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise NotImplementedError(f"state must be plain; got {type(value).__name__}")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_extra)


def _revived(kept: Any) -> Entry:
    occurred, rank, identity, contact, role, values, event = kept
    plain = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    return (occurred, rank, identity, contact, role, plain, msgspec.convert(event, Event))
