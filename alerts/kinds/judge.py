"""What every kind of rule can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from alerts.entry import Entry, Verdict
from alerts.model import Event


class Running(Protocol):
    """A window that moves forward over the entries of one key, in their order.

    What it says depends only on the entries inside the window, so one that has run for months and a fresh one
    that was shown the last window agree.
    """

    def take(self, entry: Entry) -> None:
        """One entry further: it is the newest now, and what is older than the window falls out."""

    def copy(self) -> Running:
        """One that goes on by itself."""

    def verdict(self, *, settled: bool) -> Verdict | None:
        """What the rule says of the newest entry, which must be a selected one; None says nothing."""


class Judge(Protocol):
    """The heart of a rule.

    `lazy` says that some construct can be contradicted by an event still to come, so that it is judged only
    when the clock watermark has passed the event (`settled`). What is not lazy is judged on arrival and again
    whenever an event is put into its place in the window. With fewer than `least` entries in the window nothing
    is ever said, so that a key with one event, as most have, costs next to nothing. `waits` says that nothing at all is
    said of an event before it is settled, so that none needs to be judged before.
    """

    lazy: bool
    waits: bool
    least: int

    @property
    def spare(self) -> Callable[[Verdict], int] | None:
        """By how many events a verdict is stronger than the highest level asks for, negative where it is weaker.

        None where more events can weaken a verdict, or where it says more than a level and numbers.
        """

    @property
    def stays_silent(self) -> Callable[[Running, Entry], bool] | None:
        """Will nothing be said of an unsettled entry, whatever still comes before it? `Running` holds what is settled.

        Nobody need wait then for the entry to be settled. None where that cannot be told.
        """

    def values(self, event: Event) -> tuple[object, ...]:
        """What must be kept of an event to judge it later."""

    def start(self, size: int) -> Running:
        """An empty window `(t - size, t]`."""

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """What the entry is to the rule: the names of the steps or branches it can stand for."""
