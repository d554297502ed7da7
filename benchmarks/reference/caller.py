"""O1 and O2 of job R for one caller, an event at a time: the plain Python that several programs put into their frame.

Fed in the order of event time the answers are exact. Fed in the order of arrival they differ for the few callers whose
events overtake one another.
"""

from __future__ import annotations

from collections import deque

from benchmarks.reference.definition import DAY, HOTLINE, NEVER, PETITION, POLICE, REPEATS, SEVERITIES, WEEK


class Caller:
    """What is kept for one caller."""

    __slots__ = ("alerted_at", "hotlines", "recent", "starts")

    def __init__(self) -> None:
        self.recent: deque[tuple[int, int]] = deque()  # (time, channel) of the last 24 h
        self.alerted_at = NEVER
        # by severity: the latest hotline event, and the latest hotline event that a petition has followed
        self.hotlines: list[int] | None = None
        self.starts: list[int] | None = None

    def repeat(self, at: int, channel: int) -> tuple[int, int] | None:
        """O1: how many events and which channels, when the event raises an alert."""
        recent, oldest = self.recent, at - DAY
        while recent and recent[0][0] < oldest:
            recent.popleft()
        recent.append((at, channel))
        if len(recent) < REPEATS or at - self.alerted_at < DAY:
            return None
        channels = 0
        for _, each in recent:
            channels |= 1 << each
        if not channels & (channels - 1):  # one channel alone
            return None
        self.alerted_at = at
        return len(recent), channels

    def escalation(self, at: int, channel: int, severity: int) -> int | None:
        """O2: the latest start, when the event raises an alert."""
        if channel == HOTLINE:
            if self.hotlines is None:
                self.hotlines = [NEVER] * (SEVERITIES + 1)
            if at > self.hotlines[severity]:
                self.hotlines[severity] = at
        elif channel == PETITION:
            if self.hotlines is not None:
                self._follow(max(self.hotlines[1 : severity + 1]), at, severity)
        elif channel == POLICE and self.starts is not None:
            start = max(self.starts[1 : severity + 1])
            if start >= at - WEEK:
                self.hotlines = self.starts = None
                return start
        return None

    def _follow(self, start: int, at: int, severity: int) -> None:
        if start < at - WEEK:
            return
        if self.starts is None:
            self.starts = [NEVER] * (SEVERITIES + 1)
        if start > self.starts[severity]:
            self.starts[severity] = start
