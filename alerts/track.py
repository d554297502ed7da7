"""One key of one rule: its events in event-time order, folded into episodes, settled and unsettled.

Events arrive in another order than they happened. Everything up to the clock watermark is *settled*: final, since
nothing older can still arrive. The few events after it are *unsettled*. An event that comes in order extends the
head by one step. One that comes out of order is put into its place, the windows that contain it are judged again,
and the head is folded anew from the settled part. So any arrival order inside the lateness ends the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from alerts.duration import HOUR_US
from alerts.entry import RED, SELECTED, Entry, Key, Verdict, window_start
from alerts.episode import Episode
from alerts.model import ALWAYS, NEVER
from alerts.subject import InPieces, Standing, Vouched, number_on
from alerts.windows import Windows

if TYPE_CHECKING:
    from alerts.rule import Rule

PRUNE_ABOVE = 64
FORGET_IN = 32  # so many steps of a window
PIECES_ABOVE = 256  # a track of more entries is saved hour by hour
NOTHING = Episode()  # of the many keys that never speak; a fold that takes something in becomes one of its own


class Track(InPieces):
    """The state of one key. `head` is what the rule says now, `settled` what it will not take back."""

    __slots__ = (
        "armed", "behind", "ended", "entries", "folded", "head", "hours", "ids", "judge", "key", "passed", "rule",
        "settled", "settled_windows", "spare", "stale", "verdicts", "windows",
    )  # fmt: skip

    def __init__(self, rule: Rule, key: Key) -> None:
        assert rule.judge is not None
        self.rule = rule
        self.key = key
        self.judge = rule.judge
        self.entries: list[Entry] = []
        self.verdicts: dict[str, Verdict] | None = None  # by id of the event, for those that have one
        self.folded = 0  # how many entries the settled fold has taken
        self.passed = 0  # before which entry no other is waited for: what is not folded of them says nothing
        self.hours: set[int] | None = None  # those that changed, of a track that is saved hour by hour
        self.ids: set[str] | None = None  # only for a long track: a short one is looked through
        self.behind: int | None = None  # from which entry on judging was put off: the head is at the highest level
        self.spare = 0  # how many of them may count for less before it is no more sure that it is the highest level
        self.stale = False  # the settled fold says something that the head does not know
        self.windows: Windows | None = None  # none before there are enough entries to speak of
        self.settled_windows: Windows | None = None
        self.settled = NOTHING
        self.head = NOTHING
        self.ended = False  # the settled fold stands at the end of an episode, with events of the next to take
        self.armed = [ALWAYS]

    def add(self, entry: Entry, watermark: int) -> bool:
        """Take an event that is not late. False if its id is already here."""
        entries = self.entries
        if entries and self._has(entry[2]):
            return False
        if self.ids is not None:
            self.ids.add(entry[2])
        if self.hours is not None:
            self.hours.add(entry[0] // HOUR_US)
        if entries and entry < entries[-1]:
            self.settle(watermark - 1)
            place = bisect_left(entries, entry)
            entries.insert(place, entry)
            self.passed = min(self.passed, place)
            if not self._put_off(place):
                self._rejudge(place, entry[0])
            return True
        index = len(entries)
        entries.append(entry)
        if self.behind is not None:
            if not self._put_off(index):
                self._fold_head()
        elif index + 1 >= self.judge.least or self.head.open:
            self._judge(index)
            self.head = self._step(self.head, index)
        if index >= PRUNE_ABOVE and entries[(index + 1) // 2][0] <= watermark - self.rule.size:
            self.settle(watermark - 1)
            self._prune(watermark)
        return True

    def exchange(self, entry: Entry, watermark: int) -> bool:
        """An event is another than it was: part of another contact, or of another matter. False if it is final."""
        self.settle(watermark - 1)
        place = bisect_left(self.entries, entry[:3], self.folded)
        if place < len(self.entries) and self.entries[place][:3] == entry[:3] and self._put_in(place, entry):
            return True
        left = self.remove(entry[2], watermark)
        return self.add(entry, watermark) or left

    def _put_in(self, place: int, entry: Entry) -> bool:
        """Put an event in the place of itself, if judging can be put off for as long as the highest level is sure."""
        was, now = self.entries[place][6], entry[6]
        if entry[:3] == self.head.began or (was.channel, was.unit) != (now.channel, now.unit):
            return False
        if self.entries[place][4] != entry[4] or not self._can_wait(place) or self.spare < 1:
            return False
        self.spare -= 1
        self.entries[place] = entry
        self.passed = min(self.passed, place)
        if self.hours is not None:
            self.hours.add(entry[0] // HOUR_US)
        self._wait(place)
        return True

    def _put_off(self, place: int) -> bool:
        """An entry that lies in the midst of an alert at its highest level need not be judged before that is shown.

        More events of such a rule make no verdict weaker, and there is none stronger: nothing changes but what the
        alert is built on. So a flood that comes out of order is not judged again with each of its events.
        """
        if not self._can_wait(place):
            return False
        self._wait(place)
        return True

    def _can_wait(self, place: int) -> bool:
        """Is the alert at its highest level for sure, and does the entry lie in its midst?"""
        head, entry, spare = self.head, self.entries[place], self.judge.spare
        if spare is None or head.best is None or not head.open or entry[:3] < head.began:
            return False
        if head.pending is None:
            self.spare = spare(head.best)
        is_highest = self.spare >= 0 and head.level >= min(head.best.level + head.bonus, RED)
        return is_highest and not head.is_quiet(entry[0], self.rule.life)

    def _wait(self, place: int) -> None:
        alone = self.entries[place : place + 1]
        Windows(self.judge, self.rule.size).judge(alone, 0, settled=False)  # what cannot be judged fails at once
        self.behind = place if self.behind is None else min(self.behind, place)
        if self.windows is not None:
            self.windows.changed(place)
        self.head.pending = self._catch_up
        self.head.include(self.entries[place])

    def _catch_up(self) -> None:
        """Judge what was put off, so that the head shows it; one that others hold shows it, too."""
        held = self.head
        self._fold_head()
        held.best, held.matched, held.pending = self.head.best, self.head.matched, None

    def remove(self, event_id: str, watermark: int) -> bool:
        """Take an unsettled event away: it turned out to belong to another key. False if it is not here."""
        self.settle(watermark - 1)
        for place in range(self.folded, len(self.entries)):
            if self.entries[place][2] == event_id:
                gone = self.entries.pop(place)
                self.passed = min(self.passed, place)
                if self.hours is not None:
                    self.hours.add(gone[0] // HOUR_US)
                self._say(event_id, None)
                self.ids = None
                self._rejudge(place, gone[0])
                return True
        return False

    def settle(self, watermark: int) -> int:
        """Events up to `watermark` (event time) are final: the settled fold takes them, judged in full.

        It stops where an episode ends, so that the alert hears of the end before the next one begins; a timer
        takes it on. Returns how far it came.
        """
        entries = self.entries
        settled = self.settled
        lazy = self.judge.lazy
        while self.folded < len(entries) and entries[self.folded][0] <= watermark:
            index = self.folded
            if not self.ended and entries[index][4] & SELECTED and settled.is_quiet(entries[index][0], self.rule.life):
                settled.close(self.rule.life)
                self.ended = self.stale = True
            if self.ended:
                return min(watermark, settled.closed)
            if lazy:
                self.stale = self._judge(index, settled=True) or self.stale
            elif self.behind is not None or self.settled_windows is not None:
                self._judge(index, settled=True)
                if self.behind is not None:
                    self.behind = max(self.behind, index + 1)
            self.settled = settled = self._step(settled, index)
            if settled.past:
                settled.past = ()
            self.folded += 1
        return watermark

    def wants(self) -> tuple[int]:
        """The event time at which the clock watermark has something to do here.

        What was never spoken of can be forgotten a little later, so that many keys are forgotten together.
        """
        if self.head is NOTHING and self.settled is NOTHING and self.entries and not self.judge.lazy:
            size = self.rule.size
            step = size // FORGET_IN or 1
            return (-(-(self.entries[-1][0] + size) // step) * step,)
        return (self.next_timer(),)

    def reach(self, which: int, event_time: int, vouched: Vouched | None) -> None:
        """The clock watermark has reached `event_time`."""
        self.pass_watermark(event_time)

    def standings(self) -> tuple[Standing, ...]:
        """Its one key, with the episodes that are not over for good."""
        settled = self.settled
        number = settled.number
        if self.head.number == 0 and number == 0:
            return (Standing(self.key, ()),)
        episodes = [
            (episode, settled.has_ended(episode)) for episode in self.head.known() if episode.number >= max(number, 1)
        ]
        return (Standing(self.key, episodes, number if self.is_over() else number - 1),)

    def all_standings(self) -> tuple[Standing, ...]:
        """The same: it has one key."""
        return self.standings()

    def size(self) -> int:
        """How many events are kept."""
        return len(self.entries)

    def pass_watermark(self, watermark: int) -> None:
        """The clock watermark has reached `watermark`: settle, close what is quiet, forget what is old."""
        self.ended = False
        reached = self.settle(watermark)
        self._forget_evidence(reached)
        if self.settled.is_quiet(reached, self.rule.life):
            self.settled.close(self.rule.life)
            self.stale = True
        if self.stale:
            self._fold_head()
        self._prune(reached)

    def next_timer(self) -> int:
        """The event time at which the watermark has something to do here; ALWAYS if there is nothing."""
        entries = self.entries
        soonest = entries[-1][0] + self.rule.size if entries else ALWAYS
        awaited = self._awaited() if self.judge.lazy or self.ended else len(entries)
        if awaited < len(entries):
            soonest = min(soonest, entries[awaited][0])
        if self.head is NOTHING and self.settled is NOTHING:
            return soonest
        times = [soonest]
        for episode in (self.settled, self.head):
            if episode.open and self.rule.life.quiet_close is not None:
                times.append(episode.last + self.rule.life.quiet_close)
        for episode in self.head.known():
            if episode.number and not episode.open and not self.settled.has_ended(episode):
                times.append(episode.closed)
        if self.settled.evidence and not self.settled.open:
            times.append(self._last_reopening() + 1)
        return min(times)

    def _awaited(self) -> int:
        """The number of the first unsettled entry of which something may be said once it is settled."""
        entries, place, stays_silent = self.entries, max(self.folded, self.passed), self.judge.stays_silent
        if stays_silent is None or not self.is_silent():
            return self.folded
        if place < len(entries):
            window = self._settled_windows().before(entries, self.folded)
            while place < len(entries) and stays_silent(window, entries[place]):
                place += 1
        self.passed = place
        return place

    def is_silent(self) -> bool:
        """Nothing was ever found."""
        return self.head is NOTHING and self.settled is NOTHING

    def is_forgettable(self) -> bool:
        """Nothing is kept that a later event could need."""
        return not self.entries and self.head.number == 0

    def is_over(self) -> bool:
        """The last episode can no longer open again."""
        return self.settled.number > 0 and not self.settled.open and not self.settled.evidence

    def _last_reopening(self) -> int:
        return self.settled.closed + (self.rule.life.reopen_within or 0)

    def _forget_evidence(self, watermark: int) -> None:
        """A closed episode that can no longer open again needs its events no more."""
        settled = self.settled
        if settled.evidence and not settled.open and self._last_reopening() < watermark:
            settled.evidence = {}
            self.stale = True

    def _judge(self, index: int, settled: bool = False) -> bool:
        """Judge entry `index`; is it another verdict than before?"""
        if self.judge.waits and not settled:
            return False
        if index + 1 < self.judge.least:
            return self.verdicts is not None and self._say(self.entries[index][2], None)
        if settled:
            windows = self._settled_windows()
        else:
            windows = self.windows = self.windows or Windows(self.judge, self.rule.size)
        return self._say(self.entries[index][2], windows.judge(self.entries, index, settled=settled))

    def _settled_windows(self) -> Windows:
        if self.settled_windows is None:
            self.settled_windows = Windows(self.judge, self.rule.size, True)
        return self.settled_windows

    def _say(self, event_id: str, verdict: Verdict | None) -> bool:
        """This is the verdict on an event; is it another one than before?"""
        known = self.verdicts
        if verdict is None:
            return known is not None and known.pop(event_id, None) is not None
        if known is None:
            known = self.verdicts = {}
        before = known.get(event_id)
        known[event_id] = verdict
        return before != verdict

    def _step(self, fold: Episode, index: int) -> Episode:
        """The fold with one entry more."""
        entry = self.entries[index]
        verdict = self.verdicts.get(entry[2]) if self.verdicts else None
        if not entry[4] & SELECTED or (verdict is None and not fold.open):
            return fold
        if fold is NOTHING:
            fold = Episode()
        fold.take(entry, verdict, lambda: self._window(index), self.rule.life)
        return fold

    def _window(self, index: int) -> list[Entry]:
        """The selected events before entry `index` in its window."""
        start = window_start(self.entries, index, self.rule.size)
        return [each for each in self.entries[start:index] if each[4] & SELECTED]

    def _rejudge(self, place: int, moment: int) -> None:
        """Judge again every unsettled event whose window holds `moment`, and fold the head anew."""
        if self.windows is not None:
            self.windows.changed(place)
        if self.behind is not None:
            self.behind = min(self.behind, place)
            self._fold_head()
            return
        until = moment + self.rule.size
        for index in range(place, 0 if self.judge.waits else len(self.entries)):
            if self.entries[index][0] >= until:
                break
            self._judge(index)
        self._fold_head()

    def _fold_head(self) -> None:
        if self.behind is not None:
            first, self.behind = self.behind, None
            for index in range(first, len(self.entries)):
                self._judge(index)
        self.stale = False
        if self.head is not NOTHING or self.settled is not NOTHING:
            self.head = self.settled.twin()
        if self.judge.waits and not self.settled.open:
            return  # nothing is said of what is not settled, and nobody takes it in
        for index in range(self.folded, len(self.entries)):
            self.head = self._step(self.head, index)

    def _prune(self, watermark: int) -> None:
        """Drop what no window of an event still to come can reach."""
        stop = bisect_right(self.entries, (watermark - self.rule.size, 1 << 31))
        stop = min(stop, self.folded)
        if stop:
            for entry in self.entries[:stop] if self.verdicts else ():
                self._say(entry[2], None)
            if self.ids is not None:
                self.ids.difference_update([entry[2] for entry in self.entries[:stop]])
            if self.hours is not None:
                self.hours.update([entry[0] // HOUR_US for entry in self.entries[:stop]])
            del self.entries[:stop]
            self.folded -= stop
            self.passed = max(self.passed - stop, 0)
            if self.behind is not None:
                self.behind -= stop
            for windows in (self.windows, self.settled_windows):
                if windows is not None:
                    windows.pruned(stop)

    def _has(self, event_id: str) -> bool:
        if self.ids is None:
            if len(self.entries) < PRUNE_ABOVE:
                return event_id in [entry[2] for entry in self.entries]
            self.ids = {entry[2] for entry in self.entries}
        return event_id in self.ids

    def kept(self) -> list[Entry]:
        """Every event that is kept: those that may still count, and the evidence of what may still speak."""
        return list({entry[2]: entry for entry in (*self.settled.evidence.values(), *self.entries)}.values())

    def last_number(self) -> int:
        """The greatest number of an episode so far."""
        return max(self.settled.number, self.head.number)

    def go_on_from(self, before: Track | None, used: int, may_speak: bool) -> None:
        """It stands where another one stood, which has used that many numbers; the last may still speak."""
        last = self.head.number
        number = number_on(used, may_speak, last, self.head.open)
        base = max(self.settled.number + number - last, min(self.settled.number, 1))
        if base != self.settled.number:
            self.settled = Episode() if self.settled is NOTHING else self.settled.twin()
            self.settled.closed = self.settled.closed or NEVER
            self.settled.number = base
            self._fold_head()
        if before is not None and before.hours is not None:  # what was saved of every hour is another now
            self.hours = before.hours | {entry[0] // HOUR_US for entry in (*before.entries, *self.entries)}

    def refolded(self, rule: Rule, watermark: int) -> Track:
        """The same events judged by another ladder, under the same numbers.

        What happened at `watermark` may still come. What was over before is not judged again, but its events still lie
        in the windows of those that are. An episode that is open is judged from its beginning. Of those that the other
        ladder finds to be over as well, only the last one takes a number.
        """
        passed = watermark - 1
        self.pass_watermark(passed)
        of_open = self.settled.evidence.values() if self.settled.open else ()
        counting = [entry for entry in self.entries if entry[0] > watermark - rule.size]
        kept = sorted({entry[2]: entry for entry in (*of_open, *counting)}.values())
        track = Track(rule, self.key)
        track.settled = self._over(kept)
        since = track.settled.closed if track.settled.number else NEVER
        most = max(track.settled.number + 1, self.head.number)
        track.folded = bisect_left(kept, (since,))
        track.entries = kept[: track.folded]
        track._fold_head()
        for entry in kept[track.folded :]:
            track.add(entry, NEVER)
        evidence = track.settled.evidence
        while (wanted := track.next_timer()) <= passed:
            track.pass_watermark(wanted)
            evidence = track.settled.evidence or evidence
        track.pass_watermark(passed)
        if track.settled.number:
            track.settled.number = min(track.settled.number, most)
            track.settled.evidence = track.settled.evidence or evidence  # if it is over its alert has still to say so
            track._fold_head()
        return track

    def _over(self, kept: list[Entry]) -> Episode:
        """Where the settled fold stood before the episode that is open now; where it stands, if none is."""
        settled = self.settled
        if not settled.open:
            return settled if settled is NOTHING else settled.twin()
        if settled.number == 1:
            return NOTHING
        before = Episode()
        before.number = settled.number - 1
        before.closed = NEVER if self._has_reopened(kept) else settled.closed
        return before

    def _has_reopened(self, kept: list[Entry]) -> bool:
        """Was the last closing one of the episode that is open? Then it is not known when the one before closed."""
        closed, within = self.settled.closed, self.rule.life.reopen_within
        if within is None:
            return False
        windows = Windows(self.judge, self.rule.size, True)
        soon = range(bisect_left(kept, (closed,)), bisect_right(kept, (closed + within, 1 << 31)))
        return any(windows.judge(kept, index, settled=True) is not None for index in soon)

    def state(self) -> Any:
        """Everything that is kept, in plain types; the head is folded again when it comes back."""
        return [self._core(self.entries), ()]

    def core(self) -> Any:
        """What is not in a piece."""
        return self._core(self.entries if self.hours is None else [])

    def pieces(self, *, is_all: bool) -> list[tuple[Key, Any]]:
        """The entries of a long track hour by hour: all of them, or those that changed since they were asked for."""
        if self.hours is None:
            if len(self.entries) <= PIECES_ABOVE:
                return []
            is_all = True
        hours = {entry[0] // HOUR_US for entry in self.entries} if is_all else self.hours or ()
        self.hours = set()
        return [((str(hour),), self._of_hour(hour) or None) for hour in sorted(hours)]

    def _core(self, entries: list[Entry]) -> Any:
        settled = self.settled.state() if self.settled.number else None
        return [self.key, entries, self.folded, self.ended, settled]

    def _of_hour(self, hour: int) -> list[Entry]:
        first, stop = (bisect_left(self.entries, (at * HOUR_US,)) for at in (hour, hour + 1))
        return self.entries[first:stop]

    @staticmethod
    def restored(rule: Rule, state: Any, revive: Any) -> Track:
        """The track that `state` described."""
        (key, entries, folded, ended, settled), pieces = state
        track = Track(rule, tuple(key))
        track.entries = [revive(entry) for entry in entries]
        if pieces:
            track.entries += [revive(entry) for _, piece in pieces for entry in piece]
            track.entries.sort()
            track.hours = set()
        track.folded = folded
        track.ended = ended
        track.settled = Episode.restored(settled, revive) if settled else NOTHING
        for index in range(folded, len(track.entries)):
            track._judge(index)
        track._fold_head()
        return track
