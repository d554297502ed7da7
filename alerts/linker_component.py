"""A component: events that hang together by names and signs, and those of them that may still be decided again."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from alerts.linker_fold import CONTACTS, Decision, Fold, Matter, Name, Order, Sign, Traces, Undo, put
from alerts.model import NEVER, Event


class Placed(NamedTuple):
    """One event and its place in the order."""

    order: Order
    event: Event


Move = tuple[Placed, Decision, Decision]  # (event, before, after)
Appended = tuple[int, int, Event, str, str]  # event time, rank of the channel, the event, its matter, why
ANEW = -1
FEW = 16  # events in pieces; above it no more than were there before: a restart takes each of them in again


class Kept(Struct, array_like=True, gc=False):
    """One event that may still be decided again: its decision, and how to undo what it changed."""

    occurred: int
    rank: int
    event: Event
    decision: Decision
    undo: Undo

    @property
    def order(self) -> Order:
        """Its place among all."""
        return self.occurred, self.rank, self.event.id


class Component:
    """Events that hang together: by which names, signs and matters, and the unsettled ones in their order."""

    __slots__ = (
        "_asleep", "_next", "_saved", "_since", "_tail", "_whole",
        "expiry", "hour", "is_saved", "keys", "last", "matters", "number",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number  # its name for good
        self.keys: list[Name | Sign] = []
        self.matters: list[str] = []  # given ones, and those that its events have begun
        self._tail: list[Kept] = []
        self._asleep: tuple[list[int], Raw] | None = None  # what was saved of the tail, until it is asked for
        self.last = NEVER
        self.expiry: int | None = None  # when it is looked at whether it is forgotten
        self.hour: int | None = None  # in which it had an event last
        self.is_saved = False  # ever, so that it would be missed
        # on the disk it stands as it was once, and behind that, in pieces, what was appended to its tail since
        self._saved = ANEW  # so many events of the tail stand there
        self._whole = 0  # and so many of them in no piece
        self._since = 0  # number of the first piece
        self._next = 0  # and of the next one: no number comes twice

    @property
    def tail(self) -> list[Kept]:
        """The unsettled events in their order."""
        if self._asleep is not None:
            self._tail, self._asleep = _TAIL.decode(self._asleep[1]), None
            for kept in self._tail:
                kept.undo = tuple(map(_plain, kept.undo))
        return self._tail

    @tail.setter
    def tail(self, tail: list[Kept]) -> None:
        self._tail, self._asleep = tail, None
        self._saved = ANEW

    def saved_tail(self) -> tuple[list[int], Any]:
        """The event times in the tail, and the tail itself."""
        return self._asleep or (list(map(_occurred, self._tail)), self._tail)

    def tail_times(self) -> list[int]:
        """When the events in the tail occurred."""
        return self.saved_tail()[0]

    def put_tail(self, times: list[int], tail: Raw, since: int) -> None:
        """Take back a tail, which is not read before it is asked for, and which piece is the first behind it."""
        self._asleep = (times, tail) if times else None
        self._next = since
        self.saved_whole()

    def appended(self) -> list[Appended] | None:
        """What was appended since it was saved; None where that is not all that changed."""
        if self._saved == ANEW or len(self._tail) - self._whole > max(FEW, self._whole):
            return None
        new = [] if self._asleep else self._tail[self._saved :]
        return [(each.occurred, each.rank, each.event, each.decision.matter, each.decision.reason) for each in new]

    def saved_piece(self) -> int:
        """What was appended is saved: the number of the piece."""
        self._saved = len(self._tail)
        self._next += 1
        return self._next - 1

    def saved_whole(self) -> range:
        """All of it is saved: the numbers of the pieces that are of no use any more."""
        gone = self.pieces
        self.is_saved = True
        self._saved = self._whole = len(self.tail_times())
        self._since = self._next
        return gone

    @property
    def pieces(self) -> range:
        """The numbers of the pieces behind it."""
        return range(self._since, self._next)

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
        return tail[bisect_left(tail, at, key=_occurred) :]

    def is_newest(self, order: Order, watermark: int) -> bool:
        """Does an event come after all that may still be decided again?"""
        self.settle(watermark)
        tail = self._tail
        return not tail or order[0] > tail[-1].occurred or order > tail[-1].order

    def append(
        self, fold: Fold, order: Order, event: Event, traces: Traces, matter: Matter, reason: str
    ) -> tuple[Decision, list[Move]]:
        """An event that is the newest of all belongs to a matter."""
        decision, undo = fold.take(order[0], event, traces, matter, reason)
        self._tail.append(Kept(order[0], order[1], event, decision, undo))
        return decision, list(self._followed(fold)) if fold.wanted and event.id in fold.wanted else []

    def go_on(self, fold: Fold, order: Order, event: Event, matter: Matter) -> Decision:
        """The same for one that goes on with a known case."""
        decision, undo = fold.go_on(order[0], event, matter)
        self._tail.append(Kept(order[0], order[1], event, decision, undo))
        self.keys.append(event.id)
        return decision

    def insert(self, fold: Fold, order: Order, event: Event) -> tuple[Decision, list[Move]]:
        """Decide on an event that is not the newest, and again on those after it and at its instant."""
        after = self.since(order[0])
        for kept in reversed(after):
            fold.undo(kept.undo)
        tail = self.tail
        place = len(tail) - len(after)
        del tail[place:]
        self._saved = ANEW
        here = bisect_left(after, order, key=_order)
        told = [(kept.order, kept.event) for kept in after]
        for each in [*told[:here], (order, event), *told[here:]]:
            self._again(fold, *each)
        known = {kept.event.id: kept.decision for kept in after}
        return tail[place + here].decision, list(_moves(tail[place:], known))

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
        last = self._tail[-1]
        name, contact = last.event.id, last.decision.contact
        if contact == name:
            return
        changes = [*last.undo]
        for kept in reversed(self._tail[:-1]):
            if kept.occurred < last.occurred:
                break
            if kept.decision.contact == name:
                before = kept.decision
                put(CONTACTS, fold.contacts, kept.event.id, contact, changes)
                kept.decision = replace(before, contact=contact)
                yield Placed(kept.order, kept.event), before, kept.decision
        last.undo = tuple(changes)

    def settle(self, watermark: int) -> bool:
        """What is older than the watermark is decided for good. Was there anything?"""
        tail = self._tail if self._asleep is None else self.tail
        if not tail or tail[0].occurred >= watermark:
            return False
        if tail[-1].occurred < watermark:
            tail.clear()
        else:
            del tail[: bisect_left(tail, watermark, key=_occurred)]
        self._saved = ANEW
        return True


_order = attrgetter("order")
_occurred = attrgetter("occurred")


def _moves(tail: list[Kept], known: Mapping[str, Decision]) -> Iterator[Move]:
    """The events that are now decided otherwise than they were known."""
    for kept in tail:
        before = known.get(kept.event.id, kept.decision)
        if (before.matter, before.contact) != (kept.decision.matter, kept.decision.contact):
            yield Placed(kept.order, kept.event), before, kept.decision


_TAIL = msgspec.msgpack.Decoder(list[Kept])


def _plain(saved: Any) -> Any:
    """A tuple that was saved as a list is a tuple again."""
    return tuple(saved) if isinstance(saved, list) else saved
