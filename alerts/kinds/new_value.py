"""new_value: something that a key has not said for a long time, or never (semantics 7)."""

from __future__ import annotations

from collections import deque
from typing import Any

from alerts.entry import SELECTED, Entry, Verdict
from alerts.fields import Getter
from alerts.kinds.count import Rungs, rung
from alerts.kinds.judge import Running
from alerts.model import Event


class NewValue:
    """A value of one field that is new to its key, and how many contacts have brought it since.

    The window `(t - forget_after, t]` ends with the newest event. Its value v came first in the window at s. It is
    new when s is younger than `within`, s > t - within, and the key was known by then: the window holds an event
    of the key no younger than s - known_for. A key that was just met cannot surprise. The rungs are on the number
    of contacts with v in the window: 1 speaks of the first at once. Absent values never count.

    An event still to come may have had the value before, so it is judged once the clock watermark has passed,
    unless the rule is eager.
    """

    def __init__(self, of: Getter, known_for: int, within: int, rungs: Rungs, lazy: bool) -> None:
        self.of = of
        self.known_for = known_for
        self.within = within
        self.rungs = rungs
        self.lazy = self.waits = lazy
        self.spare = None
        self.least = 1

    def values(self, event: Event) -> tuple[object, ...]:
        """The value as text, None where it is absent."""
        value = self.of(event)
        if value is None or value in ("", (), []):
            return (None,)
        return (",".join(map(str, value)) if isinstance(value, tuple | list) else str(value),)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Heard(self, size)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """A value is just that."""
        return ()

    def stays_silent(self, window: Running, entry: Entry) -> bool:
        """It is no new value, or its key is new, and nothing that comes late makes either younger."""
        assert isinstance(window, _Heard)
        return window.stays_silent(entry[0], entry[5][0])


class _Said:
    """The events with one value: when they came, and how many each contact brought."""

    __slots__ = ("contacts", "times")

    def __init__(self, times: deque[int], contacts: dict[str, int]) -> None:
        self.times = times
        self.contacts = contacts

    def add(self, now: int, contact: str) -> None:
        self.times.append(now)
        self.contacts[contact] = self.contacts.get(contact, 0) + 1

    def drop_oldest(self, contact: str) -> None:
        self.times.popleft()
        self.contacts[contact] -= 1
        if not self.contacts[contact]:
            del self.contacts[contact]


class _Heard:
    __slots__ = ("_held", "_rule", "_said", "_size")

    def __init__(self, rule: NewValue, size: int) -> None:
        self._rule = rule
        self._size = size
        self._held: deque[tuple[int, str | None, str]] = deque()  # (time, value, contact) of all in the window
        self._said: dict[str, _Said] = {}

    def copy(self) -> Running:
        twin = _Heard(self._rule, self._size)
        twin._held = self._held.copy()
        twin._said = {value: _Said(said.times.copy(), said.contacts.copy()) for value, said in self._said.items()}
        return twin

    def take(self, entry: Entry) -> None:
        if not entry[4] & SELECTED:
            return
        now, contact = entry[0], entry[3]
        value: Any = entry[5][0]
        self._forget(now - self._size)
        self._held.append((now, value, contact))
        if value is not None:
            self._said.setdefault(value, _Said(deque(), {})).add(now, contact)

    def verdict(self, *, settled: bool) -> Verdict | None:
        rule = self._rule
        now, value, _ = self._held[-1]
        if value is None or (rule.lazy and not settled):
            return None
        said = self._said[value]
        first = said.times[0]
        if first <= now - rule.within or self._held[0][0] > first - rule.known_for:
            return None
        count = len(said.contacts)
        level = rung(rule.rungs, count)
        return Verdict(level, count, branches=(value,)) if level else None

    def stays_silent(self, now: int, value: Any) -> bool:
        """Is there nothing to say of a value at `now`, after what the window holds?"""
        rule, held, said = self._rule, self._held, self._said.get(value)
        if value is None or (said is not None and now - self._size < said.times[0] <= now - rule.within):
            return True
        return bool(held) and held[0][0] > now - rule.known_for

    def _forget(self, until: int) -> None:
        held, said = self._held, self._said
        while held and held[0][0] <= until:
            _, value, contact = held.popleft()
            if value is not None:
                said[value].drop_oldest(contact)
                if not said[value].times:
                    del said[value]
