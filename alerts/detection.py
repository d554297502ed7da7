"""Detection: the tracks and alerts of one shard of keys, driven by slices of the log.

A shard gets, for every slice, the events whose keys are its own and the timelines of the watermarks. It answers
with drafts. Its answer depends on nothing else, so any number of shards and workers give the same drafts.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from alerts.alert import Alerts, Draft, Moment
from alerts.clock import Timeline
from alerts.entry import Entry, Key
from alerts.groups import groups_of
from alerts.model import ALWAYS, NEVER, Event
from alerts.rule import Rule
from alerts.rule_book import RuleBook, Turn
from alerts.subject import Subject
from alerts.turning import Past, ended, taken_over, warmed
from alerts.vouching import VouchTimeline

STATE_VERSION = 3

AnyTimeline = Timeline | VouchTimeline
Compiler = Callable[[RuleBook], list[Rule]]
NOTHING: Mapping[tuple[str, Key], str] = {}


class Item(NamedTuple):
    """One event on its way to one key of one rule.

    `at` is its arrival, `number` its place in the log, `watermark` the rule's `Wc` when it arrived. The number is
    0 where no record brought it but the clock: that comes after every record of its instant, as timers do.
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
    timelines: Sequence[AnyTimeline]
    items: Sequence[Item]
    last: bool = False  # the input is bounded and ends here
    turn: Turn | None = None  # the rule book becomes another before the items
    warm: Sequence[Past] = ()  # events of the past for the rules that are new by it
    watermarks: Sequence[int] = ()  # `Wc` of each rule at the turn


# (event time, when it was set, rule, which of its groups, key)
Timer = tuple[int, int, int, int, Key]


class Shard:
    """All keys of one shard: the third of the four places where state is kept."""

    def __init__(self, rules: Sequence[Rule], compiler: Compiler | None = None) -> None:
        """`compiler` makes rules of a book that comes with the log; without one the rules never change."""
        self._compiler = compiler
        self._begin(rules)

    def _begin(self, rules: Sequence[Rule]) -> None:
        """Nothing is kept, for some rules."""
        groups = groups_of(rules).of
        self.rules = rules
        self.groups_of = groups  # for each rule the numbers of its timelines
        self.subjects: list[dict[Key, Subject]] = [{} for _ in rules]
        self.alerts: list[dict[Key, Alerts]] = [{} for _ in rules]
        self.timers: list[list[Timer]] = [[] for _ in range(max((max(own) for own in groups), default=-1) + 1)]
        self.clock_timers: list[tuple[int, int, Key]] = []
        self._timelines: Sequence[AnyTimeline] = ()  # of the slice at hand
        self._bounds = [ALWAYS] * len(self.timers)  # before these clock instants no timer of the group is due
        self._soonest = ALWAYS

    def take(self, work: Work) -> list[Draft]:
        """The drafts of one slice, in the order of the log."""
        drafts: list[Draft] = []
        if work.turn is not None:
            self._turn(work, work.turn, drafts)
        self._timelines = work.timelines
        self._bounds = [self._bound(group) for group in range(len(self.timers))]
        self._soonest = self._earliest()
        for _, record in groupby(work.items, key=_record):
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
            subject = self.subjects[rule][key]
            number = items[0].number
            moment = Moment(at, 0 if number else 1, number, items[-1].produced_us, moved=is_moved)
            self._reconcile(subject, moment, drafts)
            self._arm(subject, at)

    def _bound(self, group: int) -> int:
        """No timer of a group is due before this clock instant."""
        heap = self.timers[group]
        return self._timelines[group].not_before(heap[0][0]) if heap else ALWAYS

    def _earliest(self) -> int:
        """No timer is due before this clock instant."""
        return min(min(self._bounds, default=ALWAYS), self.clock_timers[0][0] if self.clock_timers else ALWAYS)

    def _apply(self, item: Item) -> bool:
        known = self.subjects[item.rule]
        subject = known.get(item.key)
        if subject is None:
            if item.entry is None:
                return False
            subject = known[item.key] = self.rules[item.rule].start(item.key)
        left = item.gone is not None and subject.remove(item.gone, item.watermark)
        came = item.entry is not None and subject.add(item.entry, item.watermark)
        return left or came

    def _reconcile(
        self, subject: Subject, moment: Moment, drafts: list[Draft], before: Mapping[tuple[str, Key], str] = NOTHING
    ) -> None:
        rule = subject.rule
        known = self.alerts[rule.number]
        for standing in subject.all_standings() if moment.turned else subject.standings():
            alerts = known.get(standing.key)
            if alerts is None:
                if not standing.episodes:
                    continue
                alerts = known[standing.key] = Alerts()
            drafts += alerts.reconcile(rule, standing, moment, before.get((rule.id, standing.key), ""))
            self._arm_clock(rule, standing.key, alerts)
            if not alerts.known:
                del known[standing.key]

    def _arm(self, subject: Subject, now: int) -> None:
        number = subject.rule.number
        for which, wanted in enumerate(subject.wants()):
            if wanted < subject.armed[which]:
                subject.armed[which] = wanted
                group = self.groups_of[number][which]
                heapq.heappush(self.timers[group], (wanted, now, number, which, subject.key))
                if self._timelines:
                    bound = self._timelines[group].not_before(wanted)
                    self._bounds[group] = min(self._bounds[group], bound)
                    self._soonest = min(self._soonest, bound)

    def _set(self, subject: Subject, armed: Sequence[int]) -> None:
        """The timers that were set. One that nothing waits for any more fires all the same, as it would have."""
        subject.armed = list(armed)
        number = subject.rule.number
        for which, event_time in enumerate(armed):
            if event_time < ALWAYS:
                timer = (event_time, NEVER, number, which, subject.key)
                heapq.heappush(self.timers[self.groups_of[number][which]], timer)

    def _arm_clock(self, rule: Rule, key: Key, alerts: Alerts) -> None:
        due = alerts.next_timer(rule)
        if due != alerts.timer:
            alerts.timer = due
            if due < ALWAYS:
                heapq.heappush(self.clock_timers, (due, rule.number, key))
                self._soonest = min(self._soonest, due)

    def _fire(self, work: Work, until: int, drafts: list[Draft]) -> None:
        """Every timer that is due before the clock instant `until`, in the order of instants."""
        while True:
            instant, group = self._next_due(until)
            if instant >= until:
                self._soonest = self._earliest()
                return
            if group < 0:
                self._fire_clock_timer(drafts)
            else:
                self._fire_timer(group, instant, drafts)

    def _next_due(self, until: int) -> tuple[int, int]:
        """The instant and group of the next timer, if it is due before `until`; the group is -1 for a clock timer."""
        bounds = self._bounds
        clock = self.clock_timers[0][0] if self.clock_timers else ALWAYS
        while True:
            best = min(bounds, default=ALWAYS)
            if clock <= best or best >= until:
                return min(clock, best), -1
            group = bounds.index(best)
            event_time, armed_at, *_ = self.timers[group][0]
            due = self._timelines[group].due(event_time, armed_at)
            bounds[group] = ALWAYS if due is None else due
            if bounds[group] == best:
                return best, group

    def _fire_timer(self, group: int, instant: int, drafts: list[Draft]) -> None:
        event_time, _, number, which, key = heapq.heappop(self.timers[group])
        self._bounds[group] = self._bound(group)
        subject = self.subjects[number].get(key)
        if subject is None or subject.armed[which] != event_time:
            return
        subject.armed[which] = ALWAYS
        timeline = self._timelines[group]
        vouched = timeline.vouched(event_time, instant) if isinstance(timeline, VouchTimeline) else None
        subject.reach(which, event_time, vouched)
        self._reconcile(subject, Moment(instant, 1), drafts)
        if key not in self.alerts[number] and subject.is_forgettable():
            del self.subjects[number][key]
        else:
            self._arm(subject, instant)

    def _fire_clock_timer(self, drafts: list[Draft]) -> None:
        due, number, key = heapq.heappop(self.clock_timers)
        alerts = self.alerts[number].get(key)
        if alerts is None or alerts.timer != due:
            return
        alerts.timer = ALWAYS
        rule = self.rules[number]
        subject = self.subjects[number][rule.subject_key(key)]
        standing = next((each for each in subject.all_standings() if each.key == key), None)
        if standing is not None:
            drafts += alerts.reconcile(rule, standing, Moment(due, 1))
            self._arm_clock(rule, key, alerts)

    def _standing(self, end: int) -> list[Draft]:
        found: list[Draft] = []
        for rule, subjects in zip(self.rules, self.subjects, strict=True):
            known = self.alerts[rule.number]
            if known:
                for subject in subjects.values():
                    for standing in subject.all_standings():
                        if standing.key in known:
                            found += known[standing.key].standing(rule, standing, Moment(end, 1))
        return found

    def sizes(self) -> list[tuple[str, int, int, int]]:
        """For each rule: its id, and how many keys, events and open alerts are kept."""
        return [
            (
                rule.id,
                len(subjects),
                sum(subject.size() for subject in subjects.values()),
                sum(alerts.count_open() for alerts in known.values()),
            )
            for rule, subjects, known in zip(self.rules, self.subjects, self.alerts, strict=True)
        ]

    def _turn(self, work: Work, turn: Turn, drafts: list[Draft]) -> None:
        """Every rule becomes what it is in the new book; all timers that are due before it have fired."""
        if self._compiler is None:
            raise ValueError("a shard must have a compiler to take a rule book from the log; got none")
        old = {rule.id: (rule, self.subjects[rule.number], self.alerts[rule.number]) for rule in self.rules}
        moment = Moment(turn.at, 0, turn.number, turned=True)
        rules = self._compiler(turn.book)
        self._timelines = ()
        self._begin(rules)
        before: dict[tuple[str, Key], str] = {}
        for name, (rule, _, alerts) in old.items():
            for key, draft in ended(rule, turn.changes.get(name, "same"), alerts, moment):
                drafts.append(draft)
                before[name, key] = draft.revision.alert_id
        for rule in rules:
            change = turn.changes.get(rule.id, "same")
            _, subjects, alerts = old.get(rule.id, (rule, {}, {}))
            self.subjects[rule.number] = taken_over(rule, change, subjects, work.watermarks[rule.number])
            if change in ("same", "text", "ladder"):
                self.alerts[rule.number] = alerts
        for number, key, subject in warmed(rules, work.warm, work.watermarks):
            self.subjects[number][key] = subject
        self._resume(turn, moment, drafts, before)

    def _resume(self, turn: Turn, moment: Moment, drafts: list[Draft], before: Mapping[tuple[str, Key], str]) -> None:
        """Say what the new book makes of what is kept, and set every timer again."""
        for rule in self.rules:
            for subject in self.subjects[rule.number].values():
                if turn.changes.get(rule.id, "same") not in ("same", "text"):
                    self._reconcile(subject, moment, drafts, before)
                self._arm(subject, turn.at)
            for key, known in self.alerts[rule.number].items():
                known.timer = ALWAYS
                self._arm_clock(rule, key, known)

    def snapshot(self) -> bytes:
        """Everything that is kept, as msgpack; rules are found again by id and semantic hash."""
        kept = {
            f"{rule.id}@{rule.semantic_hash}": [
                [[subject.armed, subject.state()] for subject in subjects.values()],
                [[key, alerts.state()] for key, alerts in known.items()],
            ]
            for rule, subjects, known in zip(self.rules, self.subjects, self.alerts, strict=True)
        }
        book = zlib.compress(msgspec.msgpack.encode(RuleBook.of(self.rules))) if self._compiler else b""
        return _ENCODER.encode([STATE_VERSION, book, kept])

    def restore(self, snapshot: bytes) -> None:
        """Take back what `snapshot` gave, and the rule book with it where there is a compiler.

        Without one, a rule that is no longer there, or means another thing, is left out.
        """
        _, book, kept = _versioned(snapshot)
        if book and self._compiler is not None:
            self._begin(self._compiler(msgspec.msgpack.decode(zlib.decompress(book), type=RuleBook)))
        for rule in self.rules:
            subjects, known = kept.get(f"{rule.id}@{rule.semantic_hash}", ((), ()))
            for armed, state in subjects:
                subject = rule.restored(state, revived)
                self.subjects[rule.number][subject.key] = subject
                self._set(subject, armed)
            for key, state in known:
                alerts = self.alerts[rule.number][tuple(key)] = Alerts.restored(state)
                self._arm_clock(rule, tuple(key), alerts)


def _versioned(snapshot: bytes) -> Any:
    state = msgspec.msgpack.decode(snapshot)
    if state[0] != STATE_VERSION:
        raise ValueError(f"state must have version {STATE_VERSION}; got {state[0]}; rebuild from the intake log")
    return state


def _record(item: Item) -> tuple[int, int]:
    """What belongs to one record of the log."""
    return item.at, item.number


def _encode_extra(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise NotImplementedError(f"state must be plain; got {type(value).__name__}")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_extra)


def revived(kept: Any) -> Entry:
    """An entry that was saved."""
    occurred, rank, identity, contact, role, values, event = kept
    plain = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    return (occurred, rank, identity, contact, role, plain, msgspec.convert(event, Event))
