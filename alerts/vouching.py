"""Vouching: who can say that something did not happen, and from which moment on (semantics 5).

Absence up to an event time may be asserted when the data watermark `Wd` of every channel that must vouch has
reached it: *confirmed*. Where a channel stays quiet for `max_hold` longer, it is asserted all the same and said to
rest on a *data gap*; not so while a silence alert of such a channel is open, because that alert says it already, nor
for `max_hold` after the channel is back, because what it had to say meanwhile is only just coming in.
Where the queues of all these channels are read to their ends, and stay so until the latest straggler should have come,
it is *partial*: nothing is on its way, but nobody said so. The end of a bounded log is such an end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, TypeVar

from alerts.model import ALWAYS, NEVER, from_us
from alerts.subject import Vouched

Vouchers = tuple[frozenset[str], int | None]  # the channels that must vouch, and `max_hold`; None: confirmed only
# (clock instant from which it holds, least Wd, since when no silence alert of one of them is open, are all their queues
# read to the end)
Word = tuple[int, int, int, bool]
Mark = tuple[int, int]  # (clock instant from which it holds, Wd of one channel)
Said = TypeVar("Said", Word, Mark)

_least = itemgetter(1)
_instant = itemgetter(0)


class Voice:
    """What some channels can vouch for together, and how that changed in the slice at hand."""

    __slots__ = ("channels", "free_since", "is_read_up", "lateness", "marks", "muted", "watermarks", "words")

    def __init__(self, channels: frozenset[str], lateness: int) -> None:
        """`lateness` is how late the latest of them may be, in microseconds."""
        self.channels = tuple(sorted(channels))
        self.lateness = lateness
        self.is_read_up = False
        self.watermarks = [NEVER] * len(channels)
        self.muted: set[str] = set()
        self.free_since = NEVER  # ALWAYS while a silence alert is open
        self.words: list[Word] = [(NEVER, NEVER, NEVER, False)]
        self.marks: list[list[Mark]] = [[(NEVER, NEVER)] for _ in self.channels]

    def begin(self, now: int) -> None:
        """Start a slice with the last word of the one before."""
        self.words = [(now, *self.words[-1][1:])]
        self.marks = [[(now, watermark)] for watermark in self.watermarks]

    def heard(self, channel: str, watermark: int, now: int) -> None:
        """`Wd` of one of the channels has moved."""
        place = self.channels.index(channel)
        was_least = self.watermarks[place] == self.words[-1][1]
        self.watermarks[place] = watermark
        self.marks[place].append((now, watermark))
        if was_least:
            least = min(self.watermarks)
            if least > self.words[-1][1]:
                self._say((now, least, self.free_since, self.is_read_up))

    def mute(self, channel: str, is_muted: bool, now: int) -> None:
        """A silence alert of one of the channels has opened or closed."""
        (self.muted.add if is_muted else self.muted.discard)(channel)
        if self.muted:
            self.free_since = ALWAYS
        elif self.free_since == ALWAYS:
            self.free_since = now
        self._repeat(now)

    def read_up(self, channels: frozenset[str], now: int) -> None:
        """The queues of these channels, and of no others, are read to their ends."""
        is_read_up = channels.issuperset(self.channels)
        if is_read_up != self.is_read_up:
            self.is_read_up = is_read_up
            self._repeat(now)

    def _repeat(self, now: int) -> None:
        self._say((now, self.words[-1][1], self.free_since, self.is_read_up))

    def _say(self, word: Word) -> None:
        """Of several words at one instant the last one counts."""
        if self.words[-1][0] == word[0]:
            self.words[-1] = word
        else:
            self.words.append(word)

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        instant, least, free_since, is_read_up = self.words[-1]
        word = (instant, least, self.watermarks, free_since, is_read_up)
        return [self.channels, self.watermarks, sorted(self.muted), self.free_since, self.is_read_up, word]

    def restore(self, state: Any) -> None:
        """Take back what `state` gave."""
        _, watermarks, muted, self.free_since, self.is_read_up, word = state
        self.watermarks = list(watermarks)
        self.muted = set(muted)
        instant, least, _, free_since, is_read_up = word
        self.words = [(instant, least, free_since, is_read_up)]
        self.marks = [[(instant, watermark)] for watermark in self.watermarks]


class VouchTimeline:
    """One slice of the log seen from an absence: when may it be asserted, and how sure is it then?"""

    __slots__ = ("_channels", "_end", "_ended", "_hold", "_lateness", "_marks", "_words")

    def __init__(self, voice: Voice, hold: int | None, end: int, ended: int | None) -> None:
        """`ended` is the latest event time of a bounded log that ends in this slice."""
        self._channels = voice.channels
        self._words: Sequence[Word] = voice.words
        self._marks: Sequence[Sequence[Mark]] = voice.marks
        self._hold = hold
        self._lateness = voice.lateness
        self._end = end
        self._ended = ended if hold is not None else None

    def due(self, event_time: int, since: int = NEVER) -> int | None:
        """The first clock instant from `since` on at which absence up to `event_time` may be asserted; None: not yet.

        What may be asserted at one instant may not be at the next: a silence alert may open between them.
        """
        words = self._words
        place = bisect_left(words, event_time, key=_least)
        found = words[place][0] if place < len(words) else self._end
        if self._hold is not None:
            found = min(found, self._held_until(event_time, self._hold, since), self._read_until(event_time, since))
        if self._ended is not None and event_time <= self._ended and words[0][2] < ALWAYS:
            found = words[0][0]
        found = max(found, since)
        return found if found < self._end else None

    def not_before(self, event_time: int) -> int:
        """A clock instant before which it is not due: of what nobody has spoken yet it is found without looking."""
        if self._ended is None and self._words[-1][1] < event_time:
            return self._end if self._hold is None else event_time + min(self._hold, self._lateness)
        due = self.due(event_time)
        return self._end if due is None else due

    def vouched(self, event_time: int, instant: int) -> Vouched:
        """How sure absence up to `event_time` is at a clock instant, and by whom."""
        _, least, _, is_read_up = _at(self._words, instant)
        by = tuple(
            {"channel": channel, "watermark": from_us(watermark)}
            for channel, marks in zip(self._channels, self._marks, strict=True)
            if (watermark := _at(marks, instant)[1]) >= event_time
        )
        if least >= event_time:
            return Vouched("confirmed", by)
        is_partial = self._ended is not None or (is_read_up and instant >= event_time + self._lateness)
        return Vouched("partial" if is_partial else "data_gap", by)

    def _held_until(self, event_time: int, hold: int, since: int) -> int:
        """The first instant at which it has been held for long enough and no silence alert is open or just closed."""
        words = self._words
        place = max(bisect_right(words, max(event_time + hold, since), key=_instant) - 1, 0)
        for number in range(place, len(words)):
            instant, _, free_since, _ = words[number]
            following = self._following(number)
            held = max(instant, max(event_time, free_since) + hold, since)
            if held < following:
                return held
        return self._end

    def _read_until(self, event_time: int, since: int) -> int:
        """The first instant at which all queues are read to their ends and no straggler is waited for."""
        words, wanted = self._words, max(event_time + self._lateness, since)
        for number in range(max(bisect_right(words, wanted, key=_instant) - 1, 0), len(words)):
            instant, _, free_since, is_read_up = words[number]
            found = max(instant, wanted)
            if is_read_up and free_since < ALWAYS and found < self._following(number):
                return found
        return self._end

    def _following(self, number: int) -> int:
        """Until when a word holds."""
        return self._words[number + 1][0] if number + 1 < len(self._words) else self._end


def _at(said: Sequence[Said], instant: int) -> Said:
    """What holds at a clock instant: of several at one instant the last."""
    return said[max(bisect_right(said, instant, key=_instant) - 1, 0)]
