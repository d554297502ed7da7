"""The linker: which matter an event belongs to (semantics 2).

Events that share a link, a case, a pair, a household or a reporter form a *component*. Inside one the decision is
a fold over its events in event-time order: given matter, link, case, the same people with the same topic, or a
matter of its own. For an event that arrives out of order the few unsettled events after it are undone and decided
again; what changes is said as a *move*, and the rules follow. So the matters, too, do not depend on the order of
arrival. A person may say that two matters are one, or that one is two: that stands, whatever the fold would say.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Raw

from alerts.linker_fold import (
    CONTACTS,
    JOIN_WINDOW,
    REOPEN_WITHIN,
    Decision,
    Fold,
    Name,
    Order,
    Sign,
    Stand,
    Undo,
    keys_of,
    own_matter,
    put,
    signs_of,
)
from alerts.model import Event


class Placed(NamedTuple):
    """One event and its place in the order."""

    order: Order
    event: Event


Move = tuple[Placed, Decision, Decision]  # (event, before, after)


class Linked(NamedTuple):
    """The decision on the event that arrived, and earlier decisions that it overturned."""

    decision: Decision
    moves: list[Move]


# one event that may still be decided again: its decision, and how to undo what it changed
Kept = tuple[Order, Event, Decision, Undo]


class _Component:
    """Events that hang together: by which names, signs and matters, and the unsettled ones in their order."""

    __slots__ = ("_asleep", "_tail", "expiry", "keys", "last", "matters", "number")

    def __init__(self, number: int) -> None:
        self.number = number  # its name for good
        self.keys: list[Name | Sign] = []
        self.matters: list[str] = []  # given ones, and those that its events have begun or might begin
        self._tail: list[Kept] = []
        self._asleep: tuple[list[int], Raw] | None = None  # what was saved of the tail, until it is asked for
        self.last = -(1 << 62)
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

    def absorb(self, other: _Component) -> None:
        """Two components turn out to be one."""
        self.keys += other.keys
        self.matters += other.matters
        self.tail = list(heapq.merge(self.tail, other.tail, key=_order))
        self.last = max(self.last, other.last)
        other.keys, other.matters, other.tail = [], [], []

    def take(self, fold: Fold, order: Order, event: Event, own: str, signs: list[Sign], watermark: int) -> Linked:
        """Decide on an event, and again on those after it and at its instant."""
        self.last = max(self.last, order[0])
        tail = self.tail
        if not tail or order > tail[-1][0]:
            decision, undo = fold.take(order[0], event, own, signs)
            tail.append((order, event, decision, undo))
            return Linked(decision, list(self._followed(fold)) if event.id in fold.wanted else [])
        self.settle(watermark)
        place = bisect_left(tail, (order[0],), key=_order)
        after = tail[place:]
        for *_, undo in reversed(after):
            fold.undo(undo)
        del tail[place:]
        here = bisect_left(after, order, key=_order)
        self._again(fold, [*after[:here], (order, event, _UNDECIDED, []), *after[here:]])
        known = {told.id: decision for _, told, decision, _ in after}
        return Linked(tail[place + here][2], list(_moves(tail[place:], known)))

    def _again(self, fold: Fold, events: list[Kept]) -> None:
        """Events that were undone are decided again."""
        for order, event, *_ in events:
            decision, undo = fold.take(order[0], event, event.matter or own_matter(event.id), signs_of(event))
            self.tail.append((order, event, decision, undo))
            if event.id in fold.wanted:
                list(self._followed(fold))

    def _followed(self, fold: Fold) -> Iterator[Move]:
        """What linked to the event taken last, at its own instant but before it in the order, shares its contact.

        What was earlier is not waited for: it may be settled, and no order of arrival may matter.
        """
        (now, *_), last, (_, _, contact), undo = self.tail[-1]
        if contact == last.id:
            return
        for place in range(len(self.tail) - 2, -1, -1):
            order, event, decision, own = self.tail[place]
            if order[0] < now:
                return
            if decision.contact == last.id:
                put(CONTACTS, fold.contacts, event.id, contact, undo)
                self.tail[place] = (order, event, decision._replace(contact=contact), own)
                yield Placed(order, event), decision, self.tail[place][2]

    def settle(self, watermark: int) -> bool:
        """What is older than the watermark is decided for good. Was there anything?"""
        tail = self.tail
        stop = 0
        while stop < len(tail) and tail[stop][0][0] < watermark:
            stop += 1
        del tail[:stop]
        return stop > 0


_order = itemgetter(0)
_UNDECIDED = Decision("", "", "")


def _moves(tail: list[Kept], known: Mapping[str, Decision]) -> Iterator[Move]:
    """The events that are now decided otherwise than they were known."""
    for order, event, after, _ in tail:
        before = known.get(event.id, after)
        if (before.matter, before.contact) != (after.matter, after.contact):
            yield Placed(order, event), before, after


class Linker:
    """All components. `watermark` is the clock watermark of the linker: nothing older is decided again."""

    def __init__(self) -> None:
        self._fold = Fold()
        self._of: dict[str, _Component] = {}  # by matter
        self._expiries: list[tuple[int, int, _Component]] = []
        self._recent: deque[tuple[int, _Component]] = deque()
        self._made = 0
        self._begun = 0  # how many components ever were
        self._changed: dict[int, _Component | None] | None = None  # since it was last saved; None: it never was
        self.merged: dict[str, str] = {}  # by a person: the matter -> the one that it is part of

    def link(self, order: Order, event: Event, watermark: int) -> Linked:
        """Decide on an event that has just arrived."""
        if event.matter in self.merged:
            event = msgspec.structs.replace(event, matter=self.merged[event.matter])
        own = event.matter or own_matter(event.id)
        signs = signs_of(event)
        component = self._component(event, own, signs)
        linked = component.take(self._fold, order, event, own, signs, watermark)
        self._recent.append((order[0], component))
        if component.expiry is None:
            self._schedule(component)
        self._touch(component.number, component)
        self._release(watermark)
        return linked

    def merge(self, gone: str, heir: str) -> None:
        """From here on one matter is part of another; what was decided until now is not decided again."""
        self.merged = {each: heir if now == gone else now for each, now in self.merged.items()} | {gone: heir}
        one, other = self._of.pop(gone, None), self._of.get(heir)
        if one is None:
            return
        one.matters.remove(gone)
        component = one if other is None or other is one else self._merged(one, other)
        if other is None:
            component.matters.append(heir)
            self._of[heir] = component
        component.tail = []
        self._fold.merge(component.keys, gone, heir)
        self._touch(component.number, component)

    def split(self, matter: str, made: str, events: Sequence[tuple[Order, Event, str]]) -> None:
        """Some events of a matter are a matter of their own from here on; `events` are all of it, with their owners."""
        component = self._of.get(matter)
        if component is None:
            return
        component.tail = []
        component.matters.append(made)
        self._of[made] = component
        self._fold.split(matter, events)
        self._touch(component.number, component)

    def _component(self, event: Event, own: str, signs: list[Sign]) -> _Component:
        """The component of an event: that of everything it has in common with others, made one."""
        component = known = self._of.get(own)
        fresh = []
        last = None
        for key in keys_of(event, signs):
            owner = self._fold.owner_of(key)
            if owner is None:
                fresh.append(key)
            elif owner != last:
                last = owner
                found = self._of[owner]
                component = found if component is None or component is found else self._merged(component, found)
        if component is None:
            component = _Component(self._begun)
            self._begun += 1
        component.keys += fresh
        if known is None:
            component.matters.append(own)
            self._of[own] = component
        return component

    def _merged(self, one: _Component, other: _Component) -> _Component:
        if len(one.keys) < len(other.keys):
            one, other = other, one
        for matter in other.matters:
            self._of[matter] = one
        one.absorb(other)
        self._touch(other.number, None)
        return one

    def _touch(self, number: int, component: _Component | None) -> None:
        if self._changed is not None:
            self._changed[number] = component

    def _schedule(self, component: _Component) -> None:
        component.expiry = component.last + JOIN_WINDOW + REOPEN_WITHIN
        self._made += 1
        heapq.heappush(self._expiries, (component.expiry, self._made, component))

    def _release(self, watermark: int) -> None:
        """Settle what the watermark has passed, and forget components that nothing can join any more."""
        recent = self._recent
        while recent and recent[0][0] < watermark:
            component = recent.popleft()[1]
            if component.settle(watermark):
                self._touch(component.number, component)
        while self._expiries and self._expiries[0][0] < watermark:
            component = heapq.heappop(self._expiries)[2]
            if component.last + JOIN_WINDOW + REOPEN_WITHIN >= watermark:
                self._schedule(component)
            else:
                self._forget(component)

    def _forget(self, component: _Component) -> None:
        self._fold.forget(component.keys, component.matters)
        for matter in component.matters:
            del self._of[matter]
        self._touch(component.number, None)

    def __len__(self) -> int:
        return len(set(map(id, self._of.values())))

    @property
    def matters_kept(self) -> int:
        """How many matters an event may still join."""
        return len(self._of)

    @property
    def begun(self) -> int:
        """How many components there ever were: none gets a number twice."""
        return self._begun

    def all_parts(self) -> Iterator[tuple[int, Any]]:
        """Every component by its number, in plain types; from now on only what changes is new."""
        self._changed = {}
        components = {component.number: component for component in self._of.values()}
        for number, component in components.items():
            yield number, self._state(component)

    def changed_parts(self) -> Iterator[tuple[int, Any]]:
        """The components that changed since they were last asked for; None for one that is gone."""
        if self._changed is None:
            yield from self.all_parts()
            return
        changed, self._changed = self._changed, {}
        for number, component in changed.items():
            yield number, None if component is None else self._state(component)

    def _state(self, component: _Component) -> Any:
        """What the fold says of a component, and its tail. Matters and keys are named by their places."""
        owners, contacts, wanted, matters = self._fold.maps
        keys = component.keys
        matter = {matter: place for place, matter in enumerate(component.matters)}
        place = {key: place for place, key in enumerate(keys)}
        return (
            [(each, matters.get(each)) for each in component.matters],
            keys,
            [matter.get(owners.get(key, "")) for key in keys],
            [(place[key], place.get(found, found)) for key in keys if (found := contacts.get(key)) is not None],
            [(place[key], matter[found]) for key in keys if (found := wanted.get(key)) is not None],
            *component.saved_tail(),
            component.last,
        )

    def restore(self, parts: Iterable[tuple[int, Raw]], begun: int) -> None:
        """Take back all components."""
        self._begun = begun
        self._changed = {}
        recent: list[tuple[int, _Component]] = []
        for number, part in parts:
            component = _Component(number)
            stands, component.keys, owners, contacts, wanted, times, tail, component.last = _COMPONENT.decode(part)
            component.put_tail(times, tail)
            self._put_back(component, stands, owners, contacts, wanted)
            self._schedule(component)
            recent += [(time, component) for time in times]
        recent.sort(key=itemgetter(0))
        self._recent = deque(recent)

    def _put_back(self, component: _Component, stands: Any, owners: Any, contacts: Any, wanted: Any) -> None:
        fold, keys = self._fold, component.keys
        component.matters = matters = [matter for matter, _ in stands]
        for matter, stand in stands:
            self._of[matter] = component
            if stand is not None:
                fold.matters[matter] = stand
        for key, owner in zip(keys, owners, strict=True):
            if owner is not None:
                fold.owners[key] = matters[owner]
        for key, contact in contacts:
            fold.contacts[cast("str", keys[key])] = cast("str", keys[contact]) if isinstance(contact, int) else contact
        for key, owner in wanted:
            fold.wanted[cast("str", keys[key])] = matters[owner]


_TAIL = msgspec.msgpack.Decoder(list[tuple[Order, Event, Decision, list[Any]]])
_COMPONENT = msgspec.msgpack.Decoder(
    tuple[
        list[tuple[str, Stand | None]],
        list[Name | Sign],
        list[int | None],
        list[tuple[int, int | str]],
        list[tuple[int, int]],
        list[int],
        Raw,
        int,
    ]
)


def _plain(saved: Any) -> Any:
    """A tuple that was saved as a list is a tuple again."""
    return tuple(saved) if isinstance(saved, list) else saved
