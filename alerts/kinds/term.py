"""The terms of an obligation: from the event that opens one to the event that satisfies it (semantics 5).

The few events of a key are folded anew whenever one of them changes, in event time, so that no order of arrival
matters. A budget of time runs from the opening; a pause stops it; each stage is a share of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from alerts.calendar import Calendar, NoCalendar
from alerts.duration import Span
from alerts.entry import Entry
from alerts.model import ALWAYS, Text

OPENS = 1
SATISFIES = 2
PAUSES = 4
RESUMES = 8
BUMPS = 16


class Stage(NamedTuple):
    """A part of the budget, and the level that is reached when it is used up."""

    at: str  # as the rule writes it
    amount_us: int
    level: int
    is_breach: bool  # the whole budget is used up
    name: Text | None = None


class Budget(NamedTuple):
    """How much time there is, on which clock, and the stages of its use, the earliest first."""

    due: Span
    stages: tuple[Stage, ...]
    calendar: Calendar | None = None

    def add(self, at: int, amount: int) -> int:
        """The instant at which so much of the budget is used. Raises `NoCalendar`."""
        return self.calendar.add(at, amount) if self.due.working and self.calendar else at + amount

    def between(self, start: int, end: int) -> int:
        """How much of the budget two instants lie apart. Raises `NoCalendar`."""
        return self.calendar.between(start, end) if self.due.working and self.calendar else end - start


class Term:
    """One life of an obligation. `due` and `times` are event times; ALWAYS where a pause has no end yet."""

    __slots__ = ("bumps", "due", "entries", "expired", "gap", "number", "pauses", "satisfied", "times")

    def __init__(self, number: int, expired: int | None) -> None:
        self.number = number
        self.entries: list[Entry] = []
        self.pauses: list[tuple[int, int]] = []  # the last one may end at ALWAYS
        self.bumps: list[int] = []
        self.satisfied: int | None = None
        self.expired = expired  # nobody waits for it any more
        self.due = ALWAYS
        self.times: tuple[int, ...] = ()  # at which each stage is reached
        self.gap = False  # the calendar does not cover what is needed

    @property
    def ended(self) -> int | None:
        """When it was satisfied or given up; None while it is open."""
        return self.expired if self.satisfied is None else self.satisfied

    def take(self, entry: Entry, budget: Budget) -> None:
        """One event further, not before those that were taken."""
        self.entries.append(entry)
        at, role = entry[0], entry[4]
        if role & SATISFIES:
            self.satisfied = at
        elif role & BUMPS:
            self.bumps.append(at)
        is_moved = self.satisfied is None and self._pause(at, role)
        if is_moved or len(self.entries) == 1:
            self._measure(budget)

    def _pause(self, at: int, role: int) -> bool:
        """Does a pause begin or end with an event?"""
        is_paused = bool(self.pauses) and self.pauses[-1][1] == ALWAYS
        if is_paused and role & RESUMES:
            self.pauses[-1] = (self.pauses[-1][0], at)
        elif not is_paused and role & PAUSES:
            self.pauses.append((at, ALWAYS))
        else:
            return False
        return True

    def _measure(self, budget: Budget) -> None:
        """Find the due time and the times of the stages. Without a due time there are no stages either."""
        self.gap = False
        self.due = ALWAYS
        try:
            self.due = self._used(budget, budget.due.amount_us)
        except NoCalendar:
            self.gap = True
            self.times = (ALWAYS,) * len(budget.stages)
            return
        self.times = tuple([self._time(budget, stage) for stage in budget.stages])

    def goes_on(self, at: int) -> bool:
        """Is what happens then a part of it?"""
        return self.satisfied is None and (self.expired is None or at <= self.expired)

    def passed(self, until: int) -> int:
        """How many stages were reached by `until` and before it was satisfied."""
        return sum(time <= until and (self.satisfied is None or time < self.satisfied) for time in self.times)

    def is_in_time(self) -> bool:
        """Was it satisfied by its due time?"""
        return self.satisfied is not None and self.satisfied <= self.due

    def is_bumped(self) -> bool:
        """Did an event that raises the level come while it was overdue?"""
        return any(at >= self.due for at in self.bumps)

    def _time(self, budget: Budget, stage: Stage) -> int:
        if stage.amount_us == budget.due.amount_us:
            return self.due
        try:
            return self._used(budget, stage.amount_us)
        except NoCalendar:
            self.gap = True
            return ALWAYS

    def _used(self, budget: Budget, amount: int) -> int:
        """The event time at which so much of the budget is used; ALWAYS if a pause without an end comes before."""
        opened = self.entries[0][0]
        for start, end in self.pauses:
            time = budget.add(opened, amount)
            if time <= start:
                return time
            if end == ALWAYS:
                return ALWAYS
            amount += budget.between(start, end)
        return budget.add(opened, amount)


def fold(entries: Iterable[Entry], budget: Budget, first: int, expired: Mapping[int, int]) -> list[Term]:
    """The terms that entries in event-time order make, numbered from `first`.

    What opens a term that is open already, or satisfies none, changes nothing. `expired` says by number when a
    term was given up: what comes later is no part of it.
    """
    terms: list[Term] = []
    for entry in entries:
        go_on(terms, entry, budget, first, expired)
    return terms


def go_on(terms: list[Term], entry: Entry, budget: Budget, first: int, expired: Mapping[int, int]) -> None:
    """One event further: `fold` step by step. It must not come before those that are folded."""
    term = terms[-1] if terms and terms[-1].goes_on(entry[0]) else None
    if term is None:
        if not entry[4] & OPENS:
            return
        number = first + len(terms)
        term = Term(number, expired.get(number))
        terms.append(term)
    term.take(entry, budget)
