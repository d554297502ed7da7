"""One key of one rule: its events in event-time order, folded into episodes, settled and unsettled.

Events arrive in another order than they happened. Everything up to the clock watermark is *settled*: final, since
nothing older can still arrive. The few events after it are *unsettled*. An event that comes in order extends the
head by one step. One that comes out of order is put into its place, the windows that contain it are judged again,
and the head is folded anew from the settled part. So any arrival order inside the lateness ends the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from alerts.clock import ALWAYS
from alerts.entry import SELECTED, Entry, Verdict, window_start
from alerts.episode import Episode
from alerts.rule import Key, Rule

PRUNE_ABOVE = 64


class Track:
    """The state of one key. `head` is what the rule says now, `settled` what it will not take back."""

    __slots__ = ("entries", "folded", "head", "ids", "key", "linked", "rule", "settled", "timer", "verdicts")

    def __init__(self, rule: Rule, key: Key) -> None:
        self.rule = rule
        self.key = key
        self.entries: list[Entry] = []
        self.verdicts: list[Verdict | None] = []
        self.folded = 0  # how many entries the settled fold has taken
        self.ids: set[str] | None = None  # only for a long track: a short one is looked through
        self.linked = False
        self.settled = Episode()
        self.head = Episode()
        self.timer = ALWAYS

    def add(self, entry: Entry, watermark: int) -> bool:
        """Take an event that is not late. False if its id is already here."""
        entries = self.entries
        if entries and self._has(entry[2]):
            return False
        if self.ids is not None:
            self.ids.add(entry[2])
        if entry[3] != entry[2]:
            self.linked = True
        if not entries or entry > entries[-1]:
            entries.append(entry)
            self.verdicts.append(self._judge(len(entries) - 1, settled=False))
            self._step(self.head, len(entries) - 1)
            if len(entries) > PRUNE_ABOVE and entries[len(entries) // 2][0] <= watermark - self.rule.size:
                self.settle(watermark - 1)
                self._prune(watermark)
            return True
        self.settle(watermark - 1)
        place = bisect_left(entries, entry)
        entries.insert(place, entry)
        self.verdicts.insert(place, None)
        self._rejudge(place, entry[0])
        return True

    def remove(self, event_id: str, watermark: int) -> bool:
        """Take an unsettled event away: it turned out to belong to another key. False if it is not here."""
        self.settle(watermark - 1)
        for place in range(self.folded, len(self.entries)):
            if self.entries[place][2] == event_id:
                gone = self.entries.pop(place)
                self.verdicts.pop(place)
                self.ids = None
                self._rejudge(place, gone[0])
                return True
        return False

    def settle(self, watermark: int) -> None:
        """Events up to `watermark` (event time) are final: the settled fold takes them, judged in full."""
        entries = self.entries
        lazy = self.rule.judge.lazy
        while self.folded < len(entries) and entries[self.folded][0] <= watermark:
            index = self.folded
            if lazy:
                self.verdicts[index] = self._judge(index, settled=True)
            self._step(self.settled, index)
            self.folded += 1

    def pass_watermark(self, watermark: int) -> None:
        """The clock watermark has reached `watermark`: settle, close what is quiet, forget what is old."""
        self._forget_evidence(watermark)
        self.settle(watermark)
        if self.settled.is_quiet(watermark, self.rule.life):
            self.settled.close(self.settled.last + (self.rule.life.quiet_close or 0))
        self._fold_head()
        self._prune(watermark)

    def next_timer(self) -> int:
        """The event time at which the watermark has something to do here; ALWAYS if there is nothing."""
        times = []
        if self.rule.judge.lazy and self.folded < len(self.entries):
            times.append(self.entries[self.folded][0])
        for episode in (self.settled, self.head):
            if episode.open and self.rule.life.quiet_close is not None:
                times.append(episode.last + self.rule.life.quiet_close)
        if self.entries:
            times.append(self.entries[-1][0] + self.rule.size)
        if self.settled.evidence and not self.settled.open:
            times.append(self.settled.closed + (self.rule.life.reopen_within or 0) + 1)
        return min(times, default=ALWAYS)

    def is_forgettable(self) -> bool:
        """Nothing is kept that a later event could need."""
        return not self.entries and self.head.number == 0

    def _forget_evidence(self, watermark: int) -> None:
        """A closed episode that can no longer open again needs its events no more."""
        settled = self.settled
        if not settled.open and settled.closed + (self.rule.life.reopen_within or 0) < watermark:
            settled.evidence = {}

    def _judge(self, index: int, settled: bool) -> Verdict | None:
        entries = self.entries
        if not entries[index][4] & SELECTED:
            return None
        start = window_start(entries, index, self.rule.size)
        return self.rule.judge.judge(entries, start, index, settled=settled, linked=self.linked)

    def _step(self, fold: Episode, index: int) -> None:
        entry = self.entries[index]
        if not entry[4] & SELECTED:
            return
        verdict = self.verdicts[index]
        window = None
        if verdict is not None:
            start = window_start(self.entries, index, self.rule.size)
            window = [each for each in self.entries[start:index] if each[4] & SELECTED]
        fold.take(entry, verdict, window, self.rule.life)

    def _rejudge(self, place: int, moment: int) -> None:
        """Judge again every unsettled event whose window holds `moment`, and fold the head anew."""
        until = moment + self.rule.size
        for index in range(place, len(self.entries)):
            if self.entries[index][0] >= until:
                break
            self.verdicts[index] = self._judge(index, settled=False)
        self._fold_head()

    def _fold_head(self) -> None:
        self.head = self.settled.copy()
        for index in range(self.folded, len(self.entries)):
            self._step(self.head, index)

    def _prune(self, watermark: int) -> None:
        """Drop what no window of an event still to come can reach."""
        stop = bisect_right(self.entries, (watermark - self.rule.size, 1 << 31))
        stop = min(stop, self.folded)
        if stop:
            del self.entries[:stop]
            del self.verdicts[:stop]
            self.folded -= stop
            self.ids = None
        if not self.entries:
            self.linked = False

    def _has(self, event_id: str) -> bool:
        if self.ids is None:
            if len(self.entries) < PRUNE_ABOVE:
                return any(entry[2] == event_id for entry in self.entries)
            self.ids = {entry[2] for entry in self.entries}
        return event_id in self.ids

    def state(self) -> Any:
        """Everything that is kept, in plain types; the head is folded again when it comes back."""
        return [self.key, self.entries, self.folded, self.settled.state()]

    @staticmethod
    def restored(rule: Rule, state: Any, revive: Any) -> Track:
        """The track that `state` described."""
        key, entries, folded, settled = state
        track = Track(rule, tuple(key))
        track.entries = [revive(entry) for entry in entries]
        track.linked = any(entry[3] != entry[2] for entry in track.entries)
        track.folded = folded
        track.settled = Episode.restored(settled, revive)
        track.verdicts = [track._judge(index, settled=index < folded) for index in range(len(entries))]
        track._fold_head()
        return track
