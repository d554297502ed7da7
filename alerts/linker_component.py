"""A component: events that hang together by names and signs, and those of them that may still be decided again."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from alerts.linker_fold import CONTACTS, Decision, Fold, Matter, Name, Order, Sign, Traces, Undo, put
from alerts.model import NEVER, Event


class Placed(NamedTuple):
    """One event and its place in the order."""

    order: Order
    event: Event


Move = tuple[Placed, Decision, Decision]  # (event, before, after)

# one event that may still be decided again: its decision, and how to undo what it changed
Kept = tuple[Order, Event, Decision, Undo]


class Component:
    """Events that hang together: by which names, signs and matters, and the unsettled ones in their order."""

    __slots__ = ("_asleep", "_tail", "expiry", "keys", "last", "matters", "number")

    def __init__(self, number: int) -> None:
        self.number = number  # its name for good
        self.keys: list[Name | Sign] = []
        self.matters: list[str] = []  # given ones, and those that its events have begun
        self._tail: list[Kept] = []
        self._asleep: tuple[list[int], Raw] | None = None  # what was saved of the tail, until it is asked for
        self.last = NEVER
        self.expiry: int | None = None

    @property
    def tail(self) -> list[Kept]:
        """The unsettled events in their order."""
        if self._asleep is not None:
            saved = _TAIL.decode(self._asleep[1])
            self._tail = [(order, event, decision, [*map(_plain, undo)]) for order, event, decision, undo in saved]
            self._asleep = None
        return self._tail

    @tail.setter
    def tail(self, tail: list[Kept]) -> None:
        self._tail, self._asleep = tail, None

    def saved_tail(self) -> tuple[list[int], Any]:
        """The event times in the tail, and the tail itself."""
        return self._asleep or ([order[0] for order, *_ in self._tail], self._tail)

    def put_tail(self, times: list[int], tail: Raw) -> None:
        """Take back a tail, which is not read before it is asked for."""
        self._asleep = (times, tail) if times else None

    def absorb(self, other: Component) -> None:
        """Two components turn out to be one."""
        self.keys += other.keys
        self.matters += other.matters
        self.tail = list(heapq.merge(self.tail, other.tail, key=_order))
        self.last = max(self.last, other.last)
        other.keys, other.matters, other.tail = [], [], []

    def since(self, at: int) -> list[Kept]:
        """The unsettled events of an instant and after it."""
        tail = self.tail
        return tail[bisect_left(tail, (at,), key=_order) :]

    def append(
        self, fold: Fold, order: Order, event: Event, traces: Traces, matter: Matter, reason: str
    ) -> tuple[Decision, list[Move]]:
        """An event that is the newest of all belongs to a matter."""
        decision, undo = fold.take(order[0], event, traces, matter, reason)
        self._tail.append((order, event, decision, undo))
        return decision, list(self._followed(fold)) if fold.wanted and event.id in fold.wanted else []

    def insert(self, fold: Fold, order: Order, event: Event) -> tuple[Decision, list[Move]]:
        """Decide on an event that is not the newest, and again on those after it and at its instant."""
        after = self.since(order[0])
        for *_, undo in reversed(after):
            fold.undo(undo)
        tail = self.tail
        place = len(tail) - len(after)
        del tail[place:]
        here = bisect_left(after, order, key=_order)
        for each, told in [*_told(after[:here]), (order, event), *_told(after[here:])]:
            self._again(fold, each, told)
        known = {told.id: decision for _, told, decision, _ in after}
        return tail[place + here][2], list(_moves(tail[place:], known))

    def _again(self, fold: Fold, order: Order, event: Event) -> None:
        traces = fold.traces(event)
        matter, reason = fold.decide(order[0], event, traces)
        if matter.component is None:
            fold.add(matter, self)
        self.append(fold, order, event, traces, matter, reason)

    def _followed(self, fold: Fold) -> Iterator[Move]:
        """What linked to the event taken last, at its own instant but before it in the order, shares its contact.

        What was earlier is not waited for: it may be settled, and no order of arrival may matter.
        """
        (now, *_), last, taken, undo = self.tail[-1]
        if taken.contact == last.id:
            return
        for place in range(len(self.tail) - 2, -1, -1):
            order, event, decision, own = self.tail[place]
            if order[0] < now:
                return
            if decision.contact == last.id:
                put(CONTACTS, fold.contacts, event.id, taken.contact, undo)
                self.tail[place] = (order, event, replace(decision, contact=taken.contact), own)
                yield Placed(order, event), decision, self.tail[place][2]

    def settle(self, watermark: int) -> bool:
        """What is older than the watermark is decided for good. Was there anything?"""
        tail = self.tail
        stop = 0
        while stop < len(tail) and tail[stop][0][0] < watermark:
            stop += 1
        del tail[:stop]
        return stop > 0


def _told(events: list[Kept]) -> list[tuple[Order, Event]]:
    return [(order, event) for order, event, *_ in events]


_order = itemgetter(0)


def _moves(tail: list[Kept], known: Mapping[str, Decision]) -> Iterator[Move]:
    """The events that are now decided otherwise than they were known."""
    for order, event, after, _ in tail:
        before = known.get(event.id, after)
        if (before.matter, before.contact) != (after.matter, after.contact):
            yield Placed(order, event), before, after


_TAIL = msgspec.msgpack.Decoder(list[tuple[Order, Event, Decision, list[Any]]])


def _plain(saved: Any) -> Any:
    """A tuple that was saved as a list is a tuple again."""
    return tuple(saved) if isinstance(saved, list) else saved
