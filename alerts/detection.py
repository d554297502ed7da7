"""Detection: the tracks and alerts of one shard of keys, driven by slices of the log.

A shard gets, for every slice, the events whose keys are its own and the timelines of the watermarks. It answers
with drafts. Its answer depends on nothing else, so any number of shards and workers give the same drafts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from alerts.alert import Alerts, Draft, Moment
from alerts.entry import Key
from alerts.eviction import Caps, Eviction, to_evict
from alerts.failing import Failure, ShutOut, failure_of
from alerts.groups import groups_of
from alerts.kept import Changes, decode, encode
from alerts.kinds.owed import may_learn
from alerts.model import ALWAYS
from alerts.regrouping import Regrouped, begun_anew
from alerts.revival import Reviver
from alerts.rule import Rule
from alerts.rule_book import RuleBook, Turn
from alerts.rule_diff import ChangeClass
from alerts.shard_parts import all_parts, put_back, put_changed, put_some
from alerts.shelf import Asleep, Shelf
from alerts.subject import Standing, Subject, Vouched
from alerts.timers import CLOCK, Timers
from alerts.track import Track
from alerts.turning import Lost, ended, taken_over, warmed
from alerts.vouching import VouchTimeline
from alerts.work import Item, Work

STATE_VERSION = 5

Compiler = Callable[[RuleBook], list[Rule]]
NOTHING: Mapping[tuple[str, Key], str] = {}
RULES = ("rules",)  # the part that holds which rules these are
GUARDS = ("guards",)  # the part that holds which keys are passed over, and when rules are looked through for others


class Shard:
    """All keys of one shard: the third of the four places where state is kept."""

    def __init__(self, rules: Sequence[Rule], compiler: Compiler | None = None, shards: int = 1) -> None:
        """`compiler` makes rules of a book that comes with the log; without one the rules never change.

        `shards` is how many share the keys: each keeps its part of what a rule may keep.
        """
        self._compiler = compiler
        self._shards = shards
        self.failures: list[Failure] = []  # of the slice that was taken last
        self.evictions: list[Eviction] = []  # the same
        self._begin(rules)

    def _begin(self, rules: Sequence[Rule]) -> None:
        """Nothing is kept, for some rules."""
        groups = groups_of(rules).of
        self.rules = rules
        self.groups_of = groups  # for each rule the numbers of its timelines
        self.subjects: list[Shelf[Subject]] = [Shelf(partial(self._woken, rule)) for rule in rules]
        self.alerts: list[Shelf[Alerts]] = [Shelf(_woken_alerts) for _ in rules]
        self.timers = Timers(max((max(own) for own in groups), default=-1) + 1)
        self._revive = Reviver()
        self.shut_out = ShutOut()
        self._caps = Caps(self._shards)
        self._most = [self._caps.cap(rule) for rule in rules]  # keys, by number of the rule
        self._unsure: list[tuple[int, Key]] = []  # asleep since a restart, and of a time that no calendar knew
        self._grown: dict[int, int] = {}  # how many keys came with the record at hand, by number of the rule
        self._saved_guards: Any = None
        self._is_saved = False  # no part stands under these rules yet
        self._ahead = Changes(STATE_VERSION)  # what is in the next frame of changes already

    def take(self, work: Work) -> list[Draft]:
        """The drafts of one slice, in the order of the log."""
        drafts: list[Draft] = []
        self.failures, self.evictions = [], []
        if self._unsure:
            self._arm_unsure(work.items[0].at if work.items else work.end - 1, drafts)
        if work.turn is not None:
            self._turn(work, work.turn, drafts)
        self.timers.begin(work.timelines)
        for each in work.items:
            if self.timers.soonest < each.at:
                self._fire(each.at, drafts)
            if isinstance(each, Item):
                self._take_event(each, drafts)
            else:
                self._take_rearranged(each.items, drafts)
            if self._grown:
                self._make_room()
        self._fire(work.end, drafts)
        if work.last:
            self._standing(work.end, drafts)
        drafts.sort(key=lambda draft: draft.order)
        return drafts

    def _take_event(self, item: Item, drafts: list[Draft]) -> None:
        """An event comes to a key that nothing else in its record touches."""
        number, key, entry = item.rule, item.key, item.entry
        if self.shut_out.keys and (number, key) in self.shut_out:
            return
        try:
            subject = self._known(number, key) or self._begun(number, key)
            if entry is not None and subject.add(entry, item.watermark):
                if not subject.is_silent():
                    self._reconcile(subject, _moment(item), drafts)
                self._arm(subject, item.at)
        except Exception as error:
            self._fail(self.rules[number], key, error, _moment(item), drafts)

    def _take_rearranged(self, items: Sequence[Item | Regrouped], drafts: list[Draft]) -> None:
        """Events move from key to key: each key is looked at once, when everything stands where it belongs."""
        moment = _moment(items[-1])
        moments: dict[tuple[int, Key], Moment] = {}
        for item in items:
            try:
                subject = self._apply(item)
            except Exception as error:
                self._fail(self.rules[item.rule], item.key, error, moment, drafts)
                continue
            if subject is not None:
                touched = item.rule, item.key
                moments[touched] = _occasion(moments.get(touched, moment), item)
        for (number, key), occasion in moments.items():
            subject = self.subjects[number].get(key)
            try:
                if subject is not None:  # it may have failed in the same record
                    self._reconcile(subject, occasion, drafts)
                    self._arm(subject, occasion.at)
            except Exception as error:
                self._fail(self.rules[number], key, error, occasion, drafts)

    def _fail(self, rule: Rule, key: Key, error: Exception, moment: Moment, drafts: list[Draft]) -> None:
        """A key has raised: its alerts close, its state is gone, and from here on it is passed over."""
        self.failures.append(failure_of(rule, error, moment.at, key))
        self.shut_out.add(rule.number, key)
        subjects, known = self.subjects[rule.number], self.alerts[rule.number]
        subjects.touch(key)
        if key in subjects:
            del subjects[key]
        for each in sorted(known) if rule.is_whole else [key]:
            alerts = known.get(each)
            if alerts is not None:
                drafts += alerts.end(rule, each, "rule_disabled", moment)
                del known[each]

    def _make_room(self) -> None:
        """Rules to which keys have come forget others, where they have more than they may."""
        for number, came in self._grown.items():
            subjects = self.subjects[number]
            kept = len(subjects)
            if kept <= self._most[number]:
                continue
            rule = self.rules[number]
            surplus = self._caps.surplus(rule, kept, came)
            if surplus:
                gone = self._forget(rule, set(to_evict(rule, subjects, self.alerts[number], surplus)))
                self.evictions.append(self._caps.evicted(rule, surplus, gone, len(subjects)))
        self._grown.clear()

    def _forget(self, rule: Rule, keys: set[Key]) -> int:
        """These keys go, and with them their timers: how many they were."""
        for key in keys:
            del self.subjects[rule.number][key]
        if keys:
            self.timers.forget(self.groups_of[rule.number][0], rule.number, keys)
        return len(keys)

    def _apply(self, item: Item | Regrouped) -> Subject | None:
        """The key that takes the event of an item, or lets it go; None if nothing has changed."""
        if self.shut_out.keys and (item.rule, item.key) in self.shut_out:
            return None
        if isinstance(item, Regrouped):
            return self._regroup(item)
        number, key, watermark, entry, gone = item.rule, item.key, item.watermark, item.entry, item.gone
        subject = self._known(number, key)
        if subject is None:
            if entry is None:
                return None
            subject = self._begun(number, key)
        if gone is None:
            return subject if entry is not None and subject.add(entry, watermark) else None
        if entry is not None and gone == entry[2] and isinstance(subject, Track):
            return subject if subject.exchange(entry, watermark) else None
        left = subject.remove(gone, watermark)
        came = entry is not None and subject.add(entry, watermark)
        return subject if left or came else None

    def _known(self, number: int, key: Key) -> Subject | None:
        """What is kept under a key, which changes now."""
        subjects = self.subjects[number]
        subject = subjects.get(key)
        if subject is not None and subjects.changed is not None:
            subjects.touch(key)
        return subject

    def _begun(self, number: int, key: Key) -> Subject:
        subject = self.rules[number].start(key)
        self.subjects[number].begin(key, subject)
        self._grown[number] = self._grown.get(number, 0) + 1
        return subject

    def _regroup(self, item: Regrouped) -> Subject | None:
        """By a person's word other events stand under a key: it begins anew with those that it has now."""
        known, rule = self.subjects[item.rule], self.rules[item.rule]
        before = known.get(item.key)
        if before is None:
            if not item.came:
                return None
            self._grown[item.rule] = self._grown.get(item.rule, 0) + 1
        subject = known[item.key] = begun_anew(rule, item, before, self.alerts[item.rule].get(item.key))
        return subject

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
            known.touch(standing.key)
            drafts += _reconciled(alerts, rule, standing, moment, before.get((rule.id, standing.key), ""))
            self._arm_clock(rule, standing.key, alerts)
            if not alerts.known:
                del known[standing.key]

    def _arm(self, subject: Subject, now: int) -> None:
        number = subject.rule.number
        armed = subject.armed
        for which, wanted in enumerate(subject.wants()):
            if wanted < armed[which]:
                armed[which] = wanted
                self.timers.set(self.groups_of[number][which], wanted, now, number, which, subject.key)

    def _arm_clock(self, rule: Rule, key: Key, alerts: Alerts) -> None:
        due = alerts.next_timer(rule)
        if due != alerts.timer:
            alerts.timer = due
            if due < ALWAYS:
                self.timers.set_clock(due, rule.number, key)

    def _fire(self, until: int, drafts: list[Draft]) -> None:
        """Every timer that is due before the clock instant `until`, in the order of instants."""
        while True:
            instant, group = self.timers.next_due(until)
            if instant >= until:
                return
            if group == CLOCK:
                self._fire_clock_timer(drafts)
            else:
                self._fire_timers(group, instant, drafts)

    def _fire_timers(self, group: int, instant: int, drafts: list[Draft]) -> None:
        """Those who wait for the next event time of a group."""
        event_time, timers = self.timers.take(group)
        timeline = self.timers.timeline(group)
        vouched = timeline.vouched(event_time, instant) if isinstance(timeline, VouchTimeline) else None
        moment = Moment(instant, 1)
        for _, number, which, key in timers:
            subject = self.subjects[number].get(key)
            if subject is not None and subject.armed[which] == event_time:
                self._reach(subject, which, event_time, vouched, moment, drafts)

    def _reach(
        self, subject: Subject, which: int, event_time: int, vouched: Vouched | None, moment: Moment,
        drafts: list[Draft],
    ) -> None:  # fmt: skip
        """What a key waited for has come."""
        key, number = subject.key, subject.rule.number
        subject.armed[which] = ALWAYS
        self.subjects[number].touch(key)
        try:
            subject.reach(which, event_time, vouched)
            if not subject.is_silent():
                self._reconcile(subject, moment, drafts)
            if subject.is_forgettable() and key not in self.alerts[number]:
                del self.subjects[number][key]
            else:
                self._arm(subject, moment.at)
        except Exception as error:
            self._fail(self.rules[number], key, error, moment, drafts)

    def _fire_clock_timer(self, drafts: list[Draft]) -> None:
        due, number, key = self.timers.take_clock()
        alerts = self.alerts[number].get(key)
        if alerts is None or alerts.timer != due:
            return
        alerts.timer = ALWAYS
        self.alerts[number].touch(key)
        rule = self.rules[number]
        moment = Moment(due, 1)
        try:
            subject = self.subjects[number][rule.subject_key(key)]
            standing = next((each for each in subject.all_standings() if each.key == key), None)
            if standing is not None:
                drafts += _reconciled(alerts, rule, standing, moment)
                self._arm_clock(rule, key, alerts)
        except Exception as error:
            self._fail(rule, rule.subject_key(key), error, moment, drafts)

    def _standing(self, end: int, drafts: list[Draft]) -> None:
        moment = Moment(end, 1)
        for rule, subjects in zip(self.rules, self.subjects, strict=True):
            known = self.alerts[rule.number]
            for subject in subjects.values() if known else ():
                try:
                    standings = [each for each in subject.all_standings() if each.key in known]
                    drafts += [draft for each in standings for draft in known[each.key].standing(rule, each, moment)]
                except Exception as error:
                    self._fail(rule, subject.key, error, moment, drafts)

    def sizes(self) -> list[tuple[str, int, int, int]]:
        """For each rule: its id, and how many keys, events and open alerts are kept."""
        return [
            (
                rule.id,
                len(subjects),
                sum(subject.size() for subject in subjects.awake.values()) + _asleep(subjects),
                sum(alerts.count_open() for alerts in known.awake.values()) + _asleep(known),
            )
            for rule, subjects, known in zip(self.rules, self.subjects, self.alerts, strict=True)
        ]

    def longest(self) -> dict[str, int]:
        """How many events the key that keeps the most of them keeps, by rule."""
        return {rule.id: _longest(subjects) for rule, subjects in zip(self.rules, self.subjects, strict=True)}

    def _turn(self, work: Work, turn: Turn, drafts: list[Draft]) -> None:
        """Every rule becomes what it is in the new book; all timers that are due before it have fired."""
        if self._compiler is None:
            raise ValueError("a shard must have a compiler to take a rule book from the log; got none")
        old = {rule.id: (rule, self.subjects[rule.number], self.alerts[rule.number]) for rule in self.rules}
        numbers = {rule.id: rule.number for rule in self.rules}
        shut_out, lost = self.shut_out, list[Lost]()
        moment = Moment(turn.at, 0, turn.number, turned=True)
        rules = self._compiler(turn.book)
        self._begin(rules)
        self.shut_out = shut_out.under(rules, numbers, turn.changes)
        before: dict[tuple[str, Key], str] = {}
        for name, (rule, _, alerts) in old.items():
            for key, draft in ended(rule, turn.changes.get(name, "same"), alerts, moment):
                drafts.append(draft)
                if not draft.is_over:
                    before[name, key] = draft.revision.alert_id
        for rule in rules:
            change = turn.changes.get(rule.id, "same")
            if rule.id in old:
                _, subjects, alerts = old[rule.id]
                self._take_over(rule, change, subjects, work.watermarks[rule.number], lost)
                if change in ("same", "text", "ladder"):
                    self.alerts[rule.number] = alerts
        for number, key, subject in warmed(rules, work.warm, work.watermarks, lost):
            self.subjects[number][key] = subject
        for rule, key, error in lost:
            self._fail(rule, key, error, moment, drafts)
        self._resume(turn, moment, drafts, before)

    def _take_over(
        self, rule: Rule, change: ChangeClass, before: Shelf[Subject], watermark: int, lost: list[Lost]
    ) -> None:
        """What the rule before kept; whoever sleeps and is not judged again sleeps on."""
        kept = self.subjects[rule.number]
        if change in ("same", "text"):
            kept.asleep, before.asleep = before.asleep, {}
        kept.update(taken_over(rule, change, before, watermark, lost))

    def _resume(self, turn: Turn, moment: Moment, drafts: list[Draft], before: Mapping[tuple[str, Key], str]) -> None:
        """Say what the new book makes of what is kept, and set every timer again."""
        for rule in self.rules:
            change = turn.changes.get(rule.id, "same")
            for subject in list(self.subjects[rule.number].awake.values()):
                try:
                    if change not in ("same", "text"):
                        self._reconcile(subject, moment, drafts, before)
                    self._arm(subject, turn.at)
                except Exception as error:
                    self._fail(rule, subject.key, error, moment, drafts)
            known = self.alerts[rule.number]
            for key in known if change == "ladder" else known.awake:
                known[key].timer = ALWAYS
                self._arm_clock(rule, key, known[key])
            self._arm_asleep(rule.number)

    def _arm_asleep(self, number: int) -> None:
        for key, subject in self.subjects[number].asleep.items():
            for which, event_time in enumerate(subject.armed):
                if event_time < ALWAYS:
                    self.timers.set_again(self.groups_of[number][which], event_time, number, which, key)
        for key, alerts in self.alerts[number].asleep.items():
            if alerts.armed[0] < ALWAYS:
                self.timers.set_clock(alerts.armed[0], number, key)

    def _unsure_of(self, rule: Rule) -> list[tuple[int, Key]]:
        """The keys that may wait for a time that the calendar of now knows, and that of before did not."""
        if rule.spec.obligation is None or rule.spec.obligation.calendar is None:
            return []
        asleep = self.subjects[rule.number].asleep
        return [(rule.number, key) for key, each in asleep.items() if may_learn(each.armed, each.size)]

    def _arm_unsure(self, now: int, drafts: list[Draft]) -> None:
        """Wake them, with the first slice after a restart, and set the timers that were not set before."""
        unsure, self._unsure = self._unsure, []
        for number, key in unsure:
            try:
                subject = self._known(number, key)
                if subject is not None:
                    self._arm(subject, now)
            except Exception as error:
                self._fail(self.rules[number], key, error, Moment(now), drafts)

    def snapshot(self) -> bytes:
        """Everything that is kept, as a frame; rules are found again by id and semantic hash."""
        self._is_saved, self._ahead = True, Changes(STATE_VERSION)
        book = zlib.compress(msgspec.msgpack.encode(RuleBook.of(self.rules))) if self._compiler else b""
        parts = all_parts(self.subjects, self.alerts)
        parts[RULES] = [list(map(_name, self.rules)), book]
        parts[GUARDS] = self._saved_guards = self._guards()
        return encode(STATE_VERSION, parts, whole=True)

    def save_ahead(self, share: float) -> bytes | None:
        """Put a share of what changed into the next frame of changes, so that it is sooner made; the frame if large."""
        if not self._is_saved:
            return None
        put_some(self._ahead, self.subjects, self.alerts, share)
        return self._ahead.large_frame()

    def changes(self) -> bytes:
        """What changed since the last snapshot or changes, as a frame; after a turn that is everything."""
        if not self._is_saved:
            return self.snapshot()
        changes = self._ahead
        put_changed(changes, self.subjects, self.alerts)
        if (guards := self._guards()) != self._saved_guards:
            self._saved_guards = guards
            changes.put(GUARDS, guards)
        return changes.frame()

    def _guards(self) -> Any:
        return [sorted(self._caps.waits.items()), self.shut_out.state()]

    def restore(self, frames: Sequence[bytes]) -> None:
        """Take back a snapshot and the changes behind it, and their rule book where there is a compiler.

        Without one, a rule that is no longer there, or means another thing, is left out.
        """
        parts = decode(frames, STATE_VERSION)
        names, book = msgspec.msgpack.decode(parts.pop(RULES))
        if book and self._compiler is not None:
            self._begin(self._compiler(msgspec.msgpack.decode(zlib.decompress(book), type=RuleBook)))
        waits, shut_out = msgspec.msgpack.decode(parts.pop(GUARDS))
        numbers = {_name(rule): rule.number for rule in self.rules}
        places = [numbers.get(name) for name in names]
        self._caps.waits = {place: wait for number, wait in waits if (place := places[number]) is not None}
        self.shut_out = ShutOut.restored(shut_out, places)
        self._saved_guards = self._guards()
        put_back(parts, places, self.subjects, self.alerts)
        for rule in self.rules:
            self._arm_asleep(rule.number)
            self._unsure += self._unsure_of(rule)
        self._is_saved = list(numbers) == names

    def _woken(self, rule: Rule, asleep: Asleep) -> Subject:
        subject = rule.restored(msgspec.msgpack.decode(asleep.state), self._revive)
        subject.armed = list(asleep.armed)
        return subject


def _moment(item: Item | Regrouped) -> Moment:
    """The instant of a record, which comes before the timers of that instant; what the clock brings comes with them."""
    return Moment(item.at, 0 if item.number else 1, item.number, item.produced_us)


def _occasion(moment: Moment, item: Item | Regrouped) -> Moment:
    """Why a key is looked at."""
    if isinstance(item, Regrouped):
        return msgspec.structs.replace(moment, why=item.why, kin=item.kin)
    return msgspec.structs.replace(moment, moved=True) if item.entry is None else moment


def _name(rule: Rule) -> str:
    """By which a rule is found again."""
    return f"{rule.id}@{rule.semantic_hash}"


def _reconciled(alerts: Alerts, rule: Rule, standing: Standing, moment: Moment, before: str = "") -> list[Draft]:
    """All revisions that are due now, or none of them where the rule raises."""
    said = alerts.said()
    try:
        return alerts.reconcile(rule, standing, moment, before)
    except Exception:
        alerts.unsay(said)
        raise


def _woken_alerts(asleep: Asleep) -> Alerts:
    alerts = Alerts.restored(msgspec.msgpack.decode(asleep.state))
    alerts.timer = asleep.armed[0]
    return alerts


def _longest(subjects: Shelf[Subject]) -> int:
    awake = max((subject.size() for subject in subjects.awake.values()), default=0)
    return max(awake, max((each.size for each in subjects.asleep.values()), default=0))


def _asleep(shelf: Shelf[Any]) -> int:
    return sum([each.size for each in shelf.asleep.values()])
