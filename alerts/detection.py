"""Detection: the tracks and alerts of one shard of keys, driven by slices of the log.

A shard gets, for every slice, the events whose keys are its own and the timelines of the watermarks. It answers
with drafts. Its answer depends on nothing else, so any number of shards and workers give the same drafts.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from alerts.alert import Alert, Draft, Moment
from alerts.clock import ALWAYS, NEVER, Timeline
from alerts.entry import Entry
from alerts.model import Event
from alerts.rule import Key, Rule
from alerts.track import Track

STATE_VERSION = 1


class Item(NamedTuple):
    """One event on its way to one key of one rule.

    `at` is its arrival, `number` its place in the log, `watermark` the rule's `Wc` when it arrived.
    Without an entry the event `gone` leaves the key: it turned out to belong elsewhere.
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
        self.tracks: list[dict[Key, tuple[Track, Alert]]] = [{} for _ in rules]
        self.timers: list[list[Timer]] = [[] for _ in range(max(groups, default=-1) + 1)]
        self.clock_timers: list[tuple[int, int, Key]] = []
        self._least = [0] * len(self.timers)  # the smallest wait of each group in the slice at hand
        self._soonest = ALWAYS

    def take(self, work: Work) -> list[Draft]:
        """The drafts of one slice, in the order of the log."""
        drafts: list[Draft] = []
        self._least = [timeline.least_wait() for timeline in work.timelines]
        self._soonest = self._earliest()
        for item in work.items:
            if self._soonest < item.at:
                self._fire(work, item.at, drafts)
            self._apply(item, drafts)
        self._fire(work, work.end, drafts)
        if work.last:
            drafts += self._standing(work.end)
        drafts.sort(key=lambda draft: draft.order)
        return drafts

    def _earliest(self) -> int:
        """No timer is due before this clock instant."""
        times = [heap[0][0] + least for heap, least in zip(self.timers, self._least, strict=True) if heap]
        if self.clock_timers:
            times.append(self.clock_timers[0][0])
        return min(times, default=ALWAYS)

    def _apply(self, item: Item, drafts: list[Draft]) -> None:
        rule = self.rules[item.rule]
        known = self.tracks[item.rule]
        pair = known.get(item.key)
        if pair is None:
            if item.entry is None:
                return
            pair = known[item.key] = (Track(rule, item.key), Alert())
        track, alert = pair
        if item.entry is not None:
            changed = track.add(item.entry, item.watermark)
        else:
            changed = track.remove(item.gone or "", item.watermark)
        if changed:
            moment = Moment(item.at, 0, item.number, item.produced_us, moved=item.entry is None)
            self._reconcile(track, alert, moment, drafts)
            self._arm(track, item.at)

    def _reconcile(self, track: Track, alert: Alert, moment: Moment, drafts: list[Draft]) -> None:
        if track.head.number == 0 and alert.last is None:
            return
        drafts += alert.reconcile(track.rule, track.key, track.head, track.settled, moment)
        due = alert.next_timer(track.rule)
        if due < ALWAYS:
            heapq.heappush(self.clock_timers, (due, track.rule.number, track.key))
            self._soonest = min(self._soonest, due)

    def _arm(self, track: Track, now: int) -> None:
        wanted = track.next_timer()
        if wanted < track.timer:
            track.timer = wanted
            number = track.rule.number
            group = self.group_of[number]
            heapq.heappush(self.timers[group], (wanted, now, number, track.key))
            self._soonest = min(self._soonest, wanted + self._least[group])

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
            if heap and heap[0][0] + self._least[number] < best:
                due = work.timelines[number].due(heap[0][0])
                if due is not None and max(due, heap[0][1]) < best:
                    best, group = max(due, heap[0][1]), number
        return best, group

    def _fire_timer(self, group: int, instant: int, drafts: list[Draft]) -> None:
        event_time, _, number, key = heapq.heappop(self.timers[group])
        pair = self.tracks[number].get(key)
        if pair is None or pair[0].timer != event_time:
            return
        track, alert = pair
        track.timer = ALWAYS
        track.pass_watermark(event_time)
        self._reconcile(track, alert, Moment(instant, 1), drafts)
        if track.is_forgettable():
            del self.tracks[number][key]
        else:
            self._arm(track, instant)

    def _fire_clock_timer(self, drafts: list[Draft]) -> None:
        due, number, key = heapq.heappop(self.clock_timers)
        pair = self.tracks[number].get(key)
        if pair is not None and pair[1].next_timer(pair[0].rule) == due:
            self._reconcile(*pair, Moment(due, 1), drafts)

    def _standing(self, end: int) -> list[Draft]:
        found = []
        for known in self.tracks:
            for track, alert in known.values():
                draft = alert.standing(track.rule, track.key, track.head, Moment(end, 1))
                if draft is not None:
                    found.append(draft)
        return found

    def sizes(self) -> list[tuple[str, int, int, int]]:
        """For each rule: its id, and how many keys, events and open alerts are kept."""
        return [
            (
                rule.id,
                len(known),
                sum(len(track.entries) for track, _ in known.values()),
                sum(1 for _, alert in known.values() if alert.last is not None and alert.last.state == "open"),
            )
            for rule, known in zip(self.rules, self.tracks, strict=True)
        ]

    def snapshot(self) -> bytes:
        """Everything that is kept, as msgpack; rules are found again by id and semantic hash."""
        tracks = {
            f"{rule.id}@{rule.semantic_hash}": [
                [track.state(), alert.state()] for track, alert in known.values()
            ]
            for rule, known in zip(self.rules, self.tracks, strict=True)
        }
        return _ENCODER.encode([STATE_VERSION, tracks])

    def restore(self, snapshot: bytes) -> None:
        """Take back what `snapshot` gave. A rule that is no longer there, or means another thing, is left out."""
        version, tracks = msgspec.msgpack.decode(snapshot)
        if version != STATE_VERSION:
            raise ValueError(f"state must have version {STATE_VERSION}; got {version}; rebuild from the intake log")
        for number, rule in enumerate(self.rules):
            for kept, alert in tracks.get(f"{rule.id}@{rule.semantic_hash}", ()):
                track = Track.restored(rule, kept, _revived)
                pair = self.tracks[number][track.key] = (track, Alert.restored(alert))
                self._arm(track, NEVER)
                due = pair[1].next_timer(rule)
                if due < ALWAYS:
                    heapq.heappush(self.clock_timers, (due, number, track.key))


def _encode_extra(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise NotImplementedError(f"state must be plain; got {type(value).__name__}")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_extra)


def _revived(kept: Any) -> Entry:
    occurred, rank, identity, contact, role, values, event = kept
    return (occurred, rank, identity, contact, role, tuple(values), msgspec.convert(event, Event))
