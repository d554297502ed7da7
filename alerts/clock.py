"""Watermarks: how far each channel has spoken, and since when a rule stops waiting.

Two for each channel, never mixed up (semantics 1):

* `Wd`, the data watermark: the greatest `occurred_at` seen, heartbeats included. Only evidence moves it.
* `Wc = Wd - lateness + (now - arrival of that maximum)`, the clock watermark. Time moves it.

Written with `lag = arrival - Wd` of that maximum, `Wc = now - (lateness + lag)`. What is kept for a rule is
therefore one number, its *wait* = lateness + greatest lag of the channels it listens to; `Wc = now - wait`
and never goes back. A channel stamped in the future has lag 0: it does not hurry the others. Before the first
of its channels has spoken a rule has no `Wc`: nothing is late and nothing is due.

Several records may carry one instant. All of them are held against the same `Wc`, the one at which the instant
begins; timers come after them, with the `Wc` they leave behind.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alerts.channel import Channel
from alerts.model import ALWAYS, NEVER
from alerts.vouching import Voice, Vouchers, VouchTimeline

Group = tuple[frozenset[str], int]  # the channels some rules listen to, and their lateness
Segment = tuple[int, int]  # (clock instant from which it holds, wait)


class Timeline:
    """The waits of one group over one slice of the log: at which instant does `Wc` reach an event time?"""

    __slots__ = ("_reach", "end", "floor", "least_wait", "segments")

    def __init__(self, segments: Sequence[Segment], end: int, floor: int) -> None:
        self.segments = segments
        self.end = end
        self.floor = floor
        self.least_wait = min(wait for _, wait in segments)
        self._reach: list[int] | None = None

    def __reduce__(self) -> tuple[type[Timeline], tuple[Sequence[Segment], int, int]]:
        # a timeline that another thread asks while it is pickled must stay as long as the engine has measured it
        return Timeline, (self.segments, self.end, self.floor)

    def due(self, event_time: int, since: int = NEVER) -> int | None:
        """The first clock instant from `since` on at which `Wc` is at `event_time`, or None if not before the end.

        The end itself is excluded: more records may carry that arrival, and a timer fires after them.
        """
        if event_time <= self.floor:
            due = max(self.segments[0][0], since)
            return due if due < self.end else None
        reach = self._reach or self._attained()
        index = bisect_right(reach, event_time)
        if index == len(reach):
            return None
        start, wait = self.segments[index]
        return max(start, event_time + wait, since)

    def not_before(self, event_time: int) -> int:
        """A clock instant before which `Wc` does not reach `event_time`: cheaper than `due`."""
        return self.segments[0][0] if event_time <= self.floor else event_time + self.least_wait

    def _attained(self) -> list[int]:
        """For each segment the greatest `Wc` attained by its end."""
        greatest = NEVER
        reach = []
        for index, (_, wait) in enumerate(self.segments):
            stop = self.segments[index + 1][0] if index + 1 < len(self.segments) else self.end
            greatest = max(greatest, stop - wait)
            reach.append(greatest)
        self._reach = reach
        return reach


class _Heard:
    """What one channel has shown so far."""

    __slots__ = ("calm", "data", "idle", "lag", "last", "silent")

    def __init__(self, idle: int) -> None:
        self.idle = idle
        self.calm = NEVER  # below this its lag changes no wait that it shares with other channels
        self.data = NEVER
        self.lag = 0
        self.last = NEVER
        self.silent = True


class _Wait:
    """The wait of one group, its history in the current slice, and the greatest `Wc` of earlier waits."""

    __slots__ = ("channels", "floor", "lag", "lateness", "members", "opening", "segments", "since", "wait")

    def __init__(self, group: Group, heard: Mapping[str, _Heard]) -> None:
        self.channels, self.lateness = group
        self.members = [heard[name] for name in sorted(self.channels)]
        self.wait = ALWAYS  # until one of the channels has spoken
        self.lag = ALWAYS - self.lateness  # its other part: the greatest of the channels
        self.since = NEVER  # the instant of the last change
        self.floor = NEVER  # the greatest `Wc` of the instants before that
        self.opening = NEVER  # the floor when the current slice began
        self.segments: list[Segment] = []

    def put(self, lag: int) -> None:
        """It waits for a channel with this lag."""
        if lag < self.lag and len(self.members) > 1:
            for heard in self.members:
                heard.calm = min(heard.calm, lag)
        self.lag = lag
        self.wait = self.lateness + lag

    def change(self, clock: int, lag: int) -> None:
        """From `clock` on it waits for this lag; of several changes at one instant the last one counts."""
        if lag == self.lag:
            return
        if clock > self.since:
            self.floor = max(self.floor, clock - 1 - self.wait)  # the instant before still had the old wait
        self.put(lag)
        self.since = clock
        if self.segments and self.segments[-1][0] == clock:
            self.segments[-1] = (clock, self.wait)
        else:
            self.segments.append((clock, self.wait))


class Watermarks:
    """The clock, and both watermarks of every channel, moved only by records of the log."""

    def __init__(
        self, channels: Mapping[str, Channel], groups: Iterable[Group], vouchers: Iterable[Vouchers] = ()
    ) -> None:
        self.now = NEVER
        self.greatest = NEVER  # the latest occurred_at of any channel
        self._heard = {name: _Heard(channel.idle_us) for name, channel in channels.items()}
        self._waits = [_Wait(group, self._heard) for group in groups]
        self._of = {name: [w for w in self._waits if name in w.channels] for name in self._heard}
        self._alone = {name: [w for w in of if len(w.channels) == 1] for name, of in self._of.items()}
        self._next_silence = ALWAYS
        self._vouchers = list(vouchers)
        self._voices = {named: Voice(named, max(channels[n].lateness_us for n in named)) for named, _ in self._vouchers}
        self._read_up: frozenset[str] = frozenset()
        self._speaking = {name: [v for named, v in self._voices.items() if name in named] for name in self._heard}
        self._ended: int | None = None  # the latest event time, once a bounded log has ended

    def advance(self, clock: int) -> None:
        """Move the clock; a channel whose idle time runs out on the way stops holding the others back."""
        while self._next_silence < clock:
            self._fall_silent(self._next_silence)
        if clock > self.now:
            self.now = clock

    def heard(self, channel: str, occurred: int) -> None:
        """A record of the channel arrived now, about `occurred` (event time)."""
        heard = self._heard[channel]
        now = self.now
        heard.last = now
        if now + heard.idle < self._next_silence:
            self._next_silence = now + heard.idle
        revived = heard.silent
        heard.silent = False
        before = heard.lag
        if occurred > heard.data:
            heard.data = occurred
            for voice in self._speaking[channel]:
                voice.heard(channel, occurred, now)
            if occurred > self.greatest:
                self.greatest = occurred
            heard.lag = now - occurred if now > occurred else 0
        if heard.lag == before and not revived:
            return
        if revived or before >= heard.calm or heard.lag > heard.calm:
            self._change(self._of[channel], heard, before, revived)
            heard.calm = min([wait.lag for wait in self._of[channel] if len(wait.channels) > 1], default=ALWAYS)
        else:
            self._change(self._alone[channel], heard, before, revived)

    def _change(self, waits: Iterable[_Wait], heard: _Heard, before: int, revived: bool) -> None:
        """The lag of a channel is another than before: so may be what groups with it wait for."""
        lag = heard.lag
        for wait in waits:
            if before < wait.lag >= lag and not revived:
                continue  # another channel of the group lags more
            wait.change(self.now, lag if lag > wait.lag and not revived else self._lag(wait))

    def clock_watermark(self, group: int) -> int:
        """`Wc` of a group for the records of this instant: what is older is late.

        Timers up to `floor` have fired at instants before this one, so an event must be newer than that.
        """
        wait = self._waits[group]
        passed, reached = wait.floor + 1, self.now - wait.wait
        return passed if passed > reached or wait.since == self.now else reached

    def data_watermark(self, channel: str) -> int | None:
        """`Wd` of a channel, or None if it has never spoken."""
        data = self._heard[channel].data
        return None if data == NEVER else data

    def channels(self) -> list[str]:
        """Every channel, whether it has spoken or not."""
        return list(self._heard)

    def is_silent(self, channel: str) -> bool:
        """Has the channel shown neither data nor heartbeat for its idle time, or ever?"""
        return self._heard[channel].silent

    def mute(self, channel: str, is_muted: bool, at: int) -> None:
        """A silence alert of the channel has opened or closed: absence that needs the channel is held back or not."""
        for voice in self._speaking[channel]:
            voice.mute(channel, is_muted, at)

    def read_up(self, names: Iterable[str], at: int) -> None:
        """The queues of these channels, and of no others, are read to their ends."""
        self._read_up = frozenset(names)
        for voice in self._voices.values():
            voice.read_up(self._read_up, at)

    def begin(self) -> None:
        """Start to record the timelines of a slice."""
        for wait in self._waits:
            wait.segments = [(self.now, wait.wait)]
            wait.opening = wait.floor
        for voice in self._voices.values():
            voice.begin(self.now)

    def timelines(self, end: int) -> list[Timeline]:
        """The timelines since `begin`, one for each group, up to but not including the instant `end`."""
        return [Timeline(wait.segments, end, wait.opening) for wait in self._waits]

    def vouch_timelines(self, end: int) -> list[VouchTimeline]:
        """The same for those who vouch for absence."""
        return [VouchTimeline(self._voices[named], hold, end, self._ended) for named, hold in self._vouchers]

    def drain(self) -> None:
        """The input has ended: nothing older than its latest event can follow, so every `Wc` goes there."""
        if self.greatest > NEVER:
            self._ended = self.greatest
            for wait in self._waits:
                wait.change(self.now, min(wait.wait, max(self.now - self.greatest, 0)) - wait.lateness)

    def _lag(self, wait: _Wait) -> int:
        """The greatest lag of the channels that speak; if all are silent it stays as it is."""
        greatest = -1
        for name in wait.channels:
            heard = self._heard[name]
            if not heard.silent and heard.lag > greatest:
                greatest = heard.lag
        return greatest if greatest >= 0 else wait.lag

    def _fall_silent(self, at: int) -> None:
        following = ALWAYS
        changed = []
        for name, heard in self._heard.items():
            if heard.silent:
                continue
            if heard.last + heard.idle <= at:
                heard.silent = True
                changed += [wait for wait in self._of[name] if wait not in changed]
            else:
                following = min(following, heard.last + heard.idle)
        self._next_silence = following
        self.now = max(self.now, at)
        for wait in changed:
            wait.change(self.now, self._lag(wait))

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        heard = {n: [h.data, h.lag, h.last, h.silent] for n, h in self._heard.items()}
        waits = {_name(w): [w.wait, w.since, w.floor] for w in self._waits}
        voices = [voice.state() for voice in self._voices.values()]
        return [self.now, self.greatest, self._next_silence, heard, waits, voices, sorted(self._read_up)]

    def restore(self, state: Any) -> None:
        """Take back what `state` gave; a channel or group that it does not know starts afresh."""
        self.now, self.greatest, self._next_silence, heard, waits, voices, read_up = state
        self._read_up = frozenset(read_up)
        for name, shown in heard.items():
            if name in self._heard:
                h = self._heard[name]
                h.data, h.lag, h.last, h.silent = shown
        for wait in self._waits:
            if _name(wait) in waits:
                kept_wait, wait.since, wait.floor = waits[_name(wait)]
                wait.put(kept_wait - wait.lateness)
            else:
                wait.put(self._lag(wait))
        kept = {frozenset(voice[0]): voice for voice in voices}
        for named, voice in self._voices.items():
            if named in kept:
                voice.restore(kept[named])
            else:
                for name in named:
                    voice.heard(name, self._heard[name].data, self.now)
                voice.read_up(self._read_up, self.now)


def _name(wait: _Wait) -> str:
    return f"{wait.lateness}:{','.join(sorted(wait.channels))}"
