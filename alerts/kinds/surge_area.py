"""surge: one area and what happens in it: its window, its history, and whether it fires."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from alerts.baseline import History, Usual, ratio
from alerts.entry import Entry, Key
from alerts.kinds.surge_days import Days, Reading


class Area:
    """The state of one area. `held` and `quiet` count the slides in a row for opening and for closing."""

    __slots__ = (
        "_known", "_known_for", "contacts", "expected", "firing", "held", "history", "key", "level", "quiet", "reading",
        "window",
    )  # fmt: skip

    def __init__(self, key: Key) -> None:
        self.key = key
        self.window: deque[Entry] = deque()  # one entry for each contact
        self.contacts: set[str] = set()
        self.history = History()
        self.firing = False
        self.level = 0
        self.held = 0
        self.quiet = 0
        self.expected = 0.0  # as last known, for closing where the baseline has become too short
        self.reading: Reading | None = None  # of the slide at hand
        self._known: Usual | None = None
        self._known_for: tuple[int, int] | None = None

    def take(self, entry: Entry, bucket: int, size: int) -> bool:
        """One event further. False if its contact has already been counted inside the window that ends with it."""
        window, contact = self.window, entry[3]
        if window and window[0][0] <= entry[0] - size:
            self.shrink(entry[0] - size)
        if contact in self.contacts:
            return False
        window.append(entry)
        self.contacts.add(contact)
        self.history.add(bucket)
        return True

    def shrink(self, start: int) -> None:
        """What happened up to `start` falls out of the window."""
        window = self.window
        while window and window[0][0] <= start:
            self.contacts.discard(window.popleft()[3])

    def judge(self, at: int, days: Days) -> bool:
        """Look at the window that ends at a slide. Did it begin to fire, rise or stop?"""
        plan = days.plan
        self.shrink(at - plan.size)
        self.reading = self._read(at, days)
        before = (self.firing, self.level)
        if self.firing:
            self._go_on(days)
        elif self._speaks(days):
            self.held += 1
            if self.held >= plan.hold and self.reading is not None:
                self.firing, self.level, self.quiet = True, plan.level(self.reading.ratio), 0
        else:
            self.held = 0
        if self.firing and plan.excludes_surges:
            self.history.flag(days.bucket(at - plan.size + 1), days.bucket(at))
        return (self.firing, self.level) != before

    def is_idle(self, least: int) -> bool:
        """Nothing can happen at the next slide unless an event comes."""
        return not self.firing and not self.held and len(self.window) < least

    def is_forgettable(self) -> bool:
        """Nothing is kept that a later event could need."""
        return not (self.firing or self.held or self.window or not self.history.is_empty())

    def _read(self, at: int, days: Days) -> Reading | None:
        if not self.firing and len(self.window) < days.plan.least:
            return None
        usual = self._usual(at, days)
        if usual is None:
            return None
        reading = days.read(len(self.window), usual, at)
        self.expected = reading.expected
        return reading

    def _usual(self, at: int, days: Days) -> Usual | None:
        """The same for all slides of one bucket, so it is worked out once."""
        about = (days.bucket(at), self.history.changes)
        if self._known_for != about:
            self._known = days.usual(self.history, at)
            self._known_for = about
        return self._known

    def _speaks(self, days: Days) -> bool:
        plan, reading = days.plan, self.reading
        if reading is None or reading.number < plan.least:
            return False
        return reading.is_rare and reading.ratio >= plan.least_ratio

    def _go_on(self, days: Days) -> None:
        """One slide further while it fires: it may rise, and it stops when it was quiet for long enough."""
        plan, reading = days.plan, self.reading
        if reading is not None:
            self.level = max(self.level, plan.level(reading.ratio))
        times = ratio(len(self.window), self.expected) if reading is None else reading.ratio
        self.quiet = self.quiet + 1 if times < plan.close_below else 0
        if self.quiet >= plan.close_hold:
            self.firing, self.level, self.held = False, 0, 0

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [
            self.key, list(self.window), self.history.state(), self.firing, self.level, self.held, self.quiet,
            self.expected,
        ]  # fmt: skip

    @staticmethod
    def restored(state: Any, revive: Callable[[Any], Entry]) -> Area:
        """The area that `state` described."""
        key, window, history, firing, level, held, quiet, expected = state
        area = Area(tuple(key))
        area.window = deque(revive(entry) for entry in window)
        area.contacts = {entry[3] for entry in area.window}
        area.history = History.restored(history)
        area.firing, area.level, area.held, area.quiet, area.expected = firing, level, held, quiet, expected
        return area
