"""Saving ahead: some of what changed is saved before the snapshot, for which the whole flow stands still."""

from __future__ import annotations

BEGINS = 0.25  # of the time between two snapshots: what changes often would be saved again and again before
LOOK_SECONDS = 0.02  # between two times that some is saved
CATCHING_UP = 2  # times as fast as time passes: then nobody waits for an alert, and nothing is saved twice for its sake


class Ahead:
    """How much of what changed to save when: as much at each look as at another, if things change on as they did.

    By the snapshot, what changed before the first look is to be saved, and what changes from then on. The first alone
    would ask for the share that a look has of the time that is left; both together ask for `1 / BEGINS` times as much.

    Instants are in seconds of a clock that does not go back, the end of the log in microseconds of its own.
    """

    __slots__ = ("_end_us", "_every", "_saved_at", "_saved_us", "_some_at")

    def __init__(self, now: float, every: float) -> None:
        """The flow starts; `every` says how long it is to be between two snapshots, 0 where that is not known."""
        self._saved_at = self._some_at = now
        self._every = every  # between the last two snapshots
        self._end_us = self._saved_us = 0  # where the log was seen to end, now and at the last snapshot

    def saved(self, now: float) -> None:
        """A snapshot begins."""
        self._every, self._saved_at, self._saved_us = now - self._saved_at, now, self._end_us

    def share(self, now: float, end_us: int) -> float:
        """Which share of what changed is to be saved now, from 0 to 1; the log is read up to `end_us`."""
        self._end_us = end_us
        self._saved_us = self._saved_us or end_us
        passed = now - self._saved_at
        since = min(now - self._some_at, passed - BEGINS * self._every)
        is_behind = end_us - self._saved_us > CATCHING_UP * 1e6 * passed
        if since < LOOK_SECONDS or is_behind or not self._every:
            return 0.0
        self._some_at = now
        return since / (since + BEGINS * max(0.0, self._every - passed))
