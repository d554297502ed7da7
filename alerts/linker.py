"""The linker: which matter an event belongs to (semantics 2).

Events that share a link, a case, a pair, a household or a reporter form a *component*. Inside one the decision is
a fold over its events in event-time order: given matter, link, case, the same people with the same topic, or a
matter of its own. For an event that arrives out of order the few unsettled events after it are undone and decided
again; what changes is said as a *move*, and the rules follow. So the matters, too, do not depend on the order of
arrival.
"""

from __future__ import annotations

import heapq
import uuid
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from alerts.duration import DAY_US
from alerts.fields import county_of
from alerts.model import Event

MATTERS = uuid.UUID("0f6d3f54-5d0e-5a3b-8f0e-2c1e7a4b9d10")  # namespace of matter ids; never changes
JOIN_WINDOW = 30 * DAY_US
REOPEN_WITHIN = 30 * DAY_US
SAME_CONTACT = ("transfer", "referral", "callback", "duplicate")
SCORES = {
    "given": 1.0,
    "link": 1.0,
    "case": 1.0,
    "pair": 0.8,
    "household": 0.6,
    "reporter": 0.5,
    "first": 1.0,
}

Order = tuple[int, int, str]  # (occurred_us, channel rank, id)


class Decision(NamedTuple):
    """Where one event belongs, why, and which contact it is part of."""

    matter: str
    reason: str
    contact: str


class Placed(NamedTuple):
    """One event as the linker keeps it while it may still be decided again."""

    order: Order
    event: Event


class Linked(NamedTuple):
    """The decision on the event that arrived, and earlier decisions that it overturned."""

    decision: Decision
    moves: list[tuple[Placed, Decision, Decision]]  # (event, before, after)


class _Matter(NamedTuple):
    last: int  # event time of its latest event
    closed: int | None


# what one event changed in a fold: (number of the map, key, what stood there before or None)
Undo = list[tuple[int, str, Any]]
_OWNERS, _CONTACTS, _WANTED, _MATTERS = range(4)


class _Fold:
    """What the events folded so far say: who belongs to which matter, and how each matter stands.

    Each event taken gives back how to undo it, so that one which comes out of order costs as much as the few
    events after it, however much the fold holds.
    """

    __slots__ = ("contacts", "maps", "matters", "owners", "wanted")

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}  # link key -> matter
        self.contacts: dict[str, str] = {}  # event id or case -> contact
        self.wanted: dict[str, str] = {}  # id or case, unknown when an event linked to it -> matter
        self.matters: dict[str, _Matter] = {}
        self.maps: tuple[dict[str, Any], ...] = (self.owners, self.contacts, self.wanted, self.matters)

    def absorb(self, other: _Fold) -> None:
        for mine, its in zip(self.maps, other.maps, strict=True):
            mine.update(its)

    def take(self, placed: Placed) -> tuple[Decision, Undo]:
        event = placed.event
        now = placed.order[0]
        matter, reason = self._decide(event, now)
        contact = self._contact(event)
        return Decision(matter, reason, contact), self._remember(event, now, matter, contact)

    def undo(self, changes: Undo) -> None:
        """Take back what the event taken last has changed."""
        for number, key, before in reversed(changes):
            if before is None:
                del self.maps[number][key]
            else:
                self.maps[number][key] = before

    def _decide(self, event: Event, now: int) -> tuple[str, str]:
        if event.matter:
            return event.matter, "given"
        target = self._linked(event)
        if target is not None:
            return target, "link"
        if event.case and (owner := self.owners.get(_case_key(event))) is not None:
            return owner, "case"
        for reason, key in _people_keys(event):
            owner = self.owners.get(key)
            if owner is not None and self._is_joinable(owner, now):
                return owner, reason
        return own_matter(event.id), "first"

    def _linked(self, event: Event) -> str | None:
        if event.link and event.link.to:
            owner = self.owners.get("to:" + event.link.to)
            if owner is not None:
                return owner
        for name in (event.id, event.case):
            if name and (owner := self.wanted.get(name)) is not None:
                return owner
        return None

    def _is_joinable(self, owner: str, now: int) -> bool:
        matter = self.matters[owner]
        if now - matter.last > JOIN_WINDOW:
            return False
        return matter.closed is None or now - matter.closed <= REOPEN_WITHIN

    def _contact(self, event: Event) -> str:
        link = event.link
        if link and link.to and link.type in SAME_CONTACT:
            return self.contacts.get(link.to, link.to)
        return event.id

    def _remember(self, event: Event, now: int, matter: str, contact: str) -> Undo:
        changes: Undo = []
        last, closed = self.matters.get(matter, (now, None))
        if event.action == "closed":
            closed = now
        elif event.action in ("reopened", "received"):
            closed = None
        self._put(_MATTERS, matter, _Matter(max(last, now), closed), changes)
        self._put(_OWNERS, "to:" + event.id, matter, changes)
        self._put(_CONTACTS, event.id, contact, changes)
        if event.case:
            self._put(_OWNERS, _case_key(event), matter, changes)
            self._put(_OWNERS, "to:" + event.case, matter, changes)
            self._put(_CONTACTS, event.case, self.contacts.get(event.case, contact), changes)
        for _, key in _people_keys(event):
            self._put(_OWNERS, key, matter, changes)
        if event.link and event.link.to and "to:" + event.link.to not in self.owners:
            self._put(_WANTED, event.link.to, matter, changes)
        return changes

    def _put(self, number: int, key: str, value: Any, changes: Undo) -> None:
        held = self.maps[number]
        before = held.get(key)
        if before != value:
            changes.append((number, key, before))
            held[key] = value

    def state(self) -> Any:
        return self.maps

    @staticmethod
    def restored(state: Any) -> _Fold:
        fold = _Fold()
        for held, kept in zip(fold.maps, state, strict=True):
            held.update(kept)
        for name, kept in fold.matters.items():
            fold.matters[name] = _Matter(*kept)
        return fold


class _Component:
    """Events that hang together: one fold over all of them, and the unsettled ones with how to undo each."""

    __slots__ = ("decisions", "expiry", "fold", "keys", "last", "tail", "undos")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.fold = _Fold()
        self.tail: list[Placed] = []
        self.decisions: list[Decision] = []
        self.undos: list[Undo] = []
        self.last = -(1 << 62)
        self.expiry: int | None = None

    def absorb(self, other: _Component) -> None:
        """Two components turn out to be one. They share no key, so their folds simply stand side by side."""
        self.fold.absorb(other.fold)
        merged = heapq.merge(
            zip(self.tail, self.decisions, self.undos, strict=True),
            zip(other.tail, other.decisions, other.undos, strict=True),
            key=lambda kept: kept[0].order,
        )
        kept = list(merged)
        self.tail = [placed for placed, _, _ in kept]
        self.decisions = [decision for _, decision, _ in kept]
        self.undos = [undo for _, _, undo in kept]
        self.last = max(self.last, other.last)

    def take(self, placed: Placed, watermark: int) -> Linked:
        self.last = max(self.last, placed.order[0])
        if not self.tail or placed.order > self.tail[-1].order:
            self.tail.append(placed)
            return Linked(self._fold_on(placed), [])
        self.settle(watermark)
        place = bisect_left(self.tail, placed.order, key=lambda each: each.order)
        after = self.tail[place:]
        before = self.decisions[place:]
        for undo in reversed(self.undos[place:]):
            self.fold.undo(undo)
        del self.decisions[place:], self.undos[place:]
        self.tail.insert(place, placed)
        decision = self._fold_on(placed)
        moves = []
        for each, old in zip(after, before, strict=True):
            new = self._fold_on(each)
            if (old.matter, old.contact) != (new.matter, new.contact):
                moves.append((each, old, new))
        return Linked(decision, moves)

    def _fold_on(self, placed: Placed) -> Decision:
        decision, undo = self.fold.take(placed)
        self.decisions.append(decision)
        self.undos.append(undo)
        return decision

    def settle(self, watermark: int) -> None:
        """What is older than the watermark is decided for good."""
        stop = bisect_left(self.tail, watermark, key=lambda each: each.order[0])
        del self.tail[:stop], self.decisions[:stop], self.undos[:stop]


class Linker:
    """All components. `watermark` is the clock watermark of the linker: nothing older is decided again."""

    def __init__(self) -> None:
        self._of: dict[str, _Component] = {}
        self._expiries: list[tuple[int, int, _Component]] = []
        self._recent: deque[tuple[int, _Component]] = deque()
        self._made = 0

    def link(self, order: Order, event: Event, watermark: int) -> Linked:
        """Decide on an event that has just arrived."""
        component = self._component(_keys(event))
        linked = component.take(Placed(order, event), watermark)
        self._recent.append((order[0], component))
        self._schedule(component)
        self._release(watermark)
        return linked

    def _component(self, keys: list[str]) -> _Component:
        found: list[_Component] = []
        for key in keys:
            component = self._of.get(key)
            if component is not None and component not in found:
                found.append(component)
        if not found:
            component = _Component()
        else:
            component = max(found, key=lambda each: len(each.keys))
            for other in found:
                if other is not component:
                    component.absorb(other)
                    component.keys += other.keys
                    self._own(component, other.keys)
        fresh = [key for key in keys if self._of.get(key) is not component]
        component.keys += fresh
        self._own(component, fresh)
        return component

    def _own(self, component: _Component, keys: Iterable[str]) -> None:
        for key in keys:
            self._of[key] = component

    def _schedule(self, component: _Component) -> None:
        if component.expiry is None:
            component.expiry = component.last + JOIN_WINDOW + REOPEN_WITHIN
            self._made += 1
            heapq.heappush(self._expiries, (component.expiry, self._made, component))

    def _release(self, watermark: int) -> None:
        """Settle what the watermark has passed, and forget components that nothing can join any more."""
        recent = self._recent
        while recent and recent[0][0] < watermark:
            recent.popleft()[1].settle(watermark)
        while self._expiries and self._expiries[0][0] < watermark:
            component = heapq.heappop(self._expiries)[2]
            component.expiry = None
            if component.last + JOIN_WINDOW + REOPEN_WITHIN >= watermark:
                self._schedule(component)
            else:
                self._forget(component)

    def _forget(self, component: _Component) -> None:
        for key in component.keys:
            if self._of.get(key) is component:
                del self._of[key]

    def __len__(self) -> int:
        return len(set(map(id, self._of.values())))

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        components = {id(component): component for component in self._of.values()}
        return [
            [
                component.keys,
                component.fold.state(),
                component.tail,
                component.decisions,
                component.undos,
                component.last,
            ]
            for component in components.values()
        ]

    def restore(self, state: Any) -> None:
        """Take back what `state` gave."""
        recent = []
        for keys, fold, tail, decisions, undos, last in state:
            component = _Component()
            component.keys = list(keys)
            component.fold = _Fold.restored(fold)
            component.tail = [Placed((o[0], o[1], o[2]), msgspec.convert(e, Event)) for o, e in tail]
            component.decisions = [Decision(*decision) for decision in decisions]
            component.undos = [[_change(*change) for change in undo] for undo in undos]
            component.last = last
            self._own(component, component.keys)
            self._schedule(component)
            recent += [(placed.order[0], component) for placed in component.tail]
        recent.sort(key=lambda pair: pair[0])
        self._recent = deque(recent)


def _change(number: int, key: str, before: Any) -> tuple[int, str, Any]:
    """One kept change of a fold, with a matter in its own type again."""
    return number, key, _Matter(*before) if number == _MATTERS and before is not None else before


@lru_cache(maxsize=4_096)  # it is asked for again when the event is decided
def own_matter(event_id: str) -> str:
    """The matter that begins with an event: a UUID made of its id, so that it is the same in every run."""
    return str(uuid.uuid5(MATTERS, event_id))


def _case_key(event: Event) -> str:
    return f"case:{event.channel}:{event.case}"


def _people_keys(event: Event) -> list[tuple[str, str]]:
    """(reason, key) for the people of an event and what it is about; none where the topic is unknown."""
    if event.category is None and event.subcategory is None:
        return []
    topic = f"{county_of(event) or ''}:{event.category or ''}:{event.subcategory or ''}"
    found = []
    if event.pair:
        found.append(("pair", f"pair:{event.pair}:{topic}"))
    if event.household:
        found.append(("household", f"household:{event.household}:{topic}"))
    if event.reporter:
        found.append(("reporter", f"reporter:{event.reporter}:{topic}"))
    return found


def _keys(event: Event) -> list[str]:
    """Everything by which an event can hang together with another."""
    keys = ["to:" + event.id, "matter:" + (event.matter or own_matter(event.id))]
    if event.case:
        keys += [_case_key(event), "to:" + event.case]
    if event.link and event.link.to:
        keys.append("to:" + event.link.to)
    keys += [key for _, key in _people_keys(event)]
    return keys
