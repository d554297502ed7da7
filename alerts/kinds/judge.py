"""What every kind of rule can do."""

from __future__ import annotations

from typing import Protocol

from alerts.entry import Entry, Verdict
from alerts.model import Event


class Judge(Protocol):
    """The heart of a rule: pure functions of the entries of one key.

    `lazy` says that some construct can be contradicted by an event still to come, so that it is judged only when
    the clock watermark has passed the event (`settled`). What is not lazy is judged on arrival and again whenever
    an event is put into its place in the window.
    """

    lazy: bool

    def values(self, event: Event) -> tuple[object, ...]:
        """What must be kept of an event to judge it later."""

    def judge(
        self, entries: list[Entry], start: int, end: int, *, settled: bool, linked: bool
    ) -> Verdict | None:
        """The verdict on entry `end`, given the entries of its window `start..end`; None says nothing.

        `linked` is False when every entry is a contact of its own, which makes counting a subtraction.
        """

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """What the entry is to the rule: the names of the steps or branches it can stand for."""
