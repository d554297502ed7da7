"""The linker: which matter an event belongs to (semantics 2).

Events that share a link, a case, a pair, a household or a reporter form a *component*. Inside one the decision is
a fold over its events in event-time order: given matter, link, case, the same people with the same topic, or a
matter of its own. For an event that arrives out of order the few unsettled events after it are undone and decided
again; what changes is said as a *move*, and the rules follow. So the matters, too, do not depend on the order of
arrival.
"""

from __future__ import annotations

import hashlib
import heapq
import uuid
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Raw

from alerts.duration import DAY_US
from alerts.fields import county_of
from alerts.model import Event

MATTERS = uuid.UUID("0f6d3f54-5d0e-5a3b-8f0e-2c1e7a4b9d10")  # namespace of matter ids; never changes
JOIN_WINDOW = 30 * DAY_US
REOPEN_WITHIN = 30 * DAY_US
SAME_CONTACT = ("transfer", "referral", "callback", "duplicate")
OPEN_AGAIN = ("reopened", "received")
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
    """One event and its place in the order."""

    order: Order
    event: Event


Move = tuple[Placed, Decision, Decision]  # (event, before, after)


class Linked(NamedTuple):
    """The decision on the event that arrived, and earlier decisions that it overturned."""

    decision: Decision
    moves: list[Move]


Name = str  # the id of an event, or the number of a case: what a link can point at
Sign = tuple[str, ...]  # ("case", channel, case) or (reason, token, topic): what events can have in common
Stand = tuple[int, int | None]  # how a matter stands: event time of its latest event, and of its closing

# what one event changed in the fold, three by three: number of the map, key, what stood there before or None
Undo = list[Any]
_OWNERS, _CONTACTS, _WANTED, _MATTERS = range(4)

# one event that may still be decided again: its decision, and how to undo what it changed
Kept = tuple[Order, Event, Decision, Undo]


class _Fold:
    """What the events folded so far say: who belongs to which matter, and how each matter stands.

    Components share no key, so one fold serves them all. Each event taken gives back how to undo it, so that one
    which comes out of order costs as much as the few events after it, however much the fold holds.
    """

    __slots__ = ("contacts", "maps", "matters", "owners", "wanted")

    def __init__(self) -> None:
        self.owners: dict[Name | Sign, str] = {}  # -> matter
        self.contacts: dict[Name, str] = {}  # -> contact; an id that is not here is its own contact
        self.wanted: dict[Name, str] = {}  # unknown when an event linked to it -> matter
        self.matters: dict[str, Stand] = {}
        self.maps: tuple[dict[Any, Any], ...] = (self.owners, self.contacts, self.wanted, self.matters)

    def take(self, now: int, event: Event, own: str, signs: list[Sign]) -> tuple[Decision, Undo]:
        """One event further; `own` is the matter that it is given or would begin."""
        matter, reason = self._decide(now, event, own, signs)
        link = event.link
        contact = self.contacts.get(link.to, link.to) if link and link.to and link.type in SAME_CONTACT else event.id
        return Decision(matter, reason, contact), self._remember(now, event, signs, matter, contact)

    def undo(self, changes: Undo) -> None:
        """Take back what the event taken last has changed."""
        for place in range(len(changes) - 3, -1, -3):
            number, key, before = changes[place : place + 3]
            if before is None:
                del self.maps[number][key]
            else:
                self.maps[number][key] = before

    def owner_of(self, key: Name | Sign) -> str | None:
        """The matter of what has this name or sign, or of the event that linked to it before it came."""
        owner = self.owners.get(key)
        return self.wanted.get(key) if owner is None else owner  # type: ignore[arg-type]

    def forget(self, keys: list[Name | Sign], matters: list[str]) -> None:
        """Nothing with these names and signs, and none of these matters, can be joined any more."""
        for key in keys:
            self.owners.pop(key, None)
            self.contacts.pop(key, None)  # type: ignore[arg-type]
            self.wanted.pop(key, None)  # type: ignore[arg-type]
        for matter in matters:
            self.matters.pop(matter, None)

    def _decide(self, now: int, event: Event, own: str, signs: list[Sign]) -> tuple[str, str]:
        if event.matter:
            return event.matter, "given"
        target = self._linked(event)
        if target is not None:
            return target, "link"
        for sign in signs:
            owner = self.owners.get(sign)
            if owner is not None and (sign[0] == "case" or self._is_joinable(owner, now)):
                return owner, sign[0]
        return own, "first"

    def _linked(self, event: Event) -> str | None:
        if event.link and event.link.to:
            owner = self.owners.get(event.link.to)
            if owner is not None:
                return owner
        wanted = self.wanted.get(event.id)
        return self.wanted.get(event.case) if wanted is None and event.case else wanted

    def _is_joinable(self, owner: str, now: int) -> bool:
        last, closed = self.matters[owner]
        if now - last > JOIN_WINDOW:
            return False
        return closed is None or now - closed <= REOPEN_WITHIN

    def _remember(self, now: int, event: Event, signs: list[Sign], matter: str, contact: str) -> Undo:
        name, case, owners = event.id, event.case, self.owners
        before = self.matters.get(matter)
        last, closed = before or (now, None)
        if event.action == "closed":
            closed = now
        elif event.action in OPEN_AGAIN:
            closed = None
        self.matters[matter] = (last if last > now else now, closed)
        changes: Undo = [_MATTERS, matter, before]
        if contact != name or name in self.contacts:
            _put(_CONTACTS, self.contacts, name, contact, changes)
        if case and case not in self.contacts:  # its first contact; an event may have the name of the case
            _put(_CONTACTS, self.contacts, case, case if case in owners else contact, changes)
        _put(_OWNERS, owners, name, matter, changes)
        if case:
            _put(_OWNERS, owners, case, matter, changes)
        for sign in signs:
            _put(_OWNERS, owners, sign, matter, changes)
        link = event.link
        if link and link.to and link.to not in owners:
            _put(_WANTED, self.wanted, link.to, matter, changes)
        return changes


def _put(number: int, held: dict[Any, Any], key: Any, value: Any, changes: Undo) -> None:
    before = held.get(key)
    if before != value:
        changes += (number, key, before)
        held[key] = value


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

    def take(self, fold: _Fold, order: Order, event: Event, own: str, signs: list[Sign], watermark: int) -> Linked:
        """Decide on an event, and again on those after it."""
        self.last = max(self.last, order[0])
        tail = self.tail
        if not tail or order > tail[-1][0]:
            decision, undo = fold.take(order[0], event, own, signs)
            tail.append((order, event, decision, undo))
            return Linked(decision, [])
        self.settle(watermark)
        place = bisect_left(tail, order, key=_order)
        after = tail[place:]
        for *_, undo in reversed(after):
            fold.undo(undo)
        del tail[place:]
        decision, undo = fold.take(order[0], event, own, signs)
        tail.append((order, event, decision, undo))
        return Linked(decision, list(self._again(fold, after)))

    def _again(self, fold: _Fold, after: list[Kept]) -> Iterator[Move]:
        """Events that were undone are decided again; those that are now decided otherwise."""
        for order, event, before, _ in after:
            decision, undo = fold.take(order[0], event, event.matter or own_matter(event.id), _signs(event))
            self.tail.append((order, event, decision, undo))
            if (before.matter, before.contact) != (decision.matter, decision.contact):
                yield Placed(order, event), before, decision

    def settle(self, watermark: int) -> bool:
        """What is older than the watermark is decided for good. Was there anything?"""
        tail = self.tail
        stop = 0
        while stop < len(tail) and tail[stop][0][0] < watermark:
            stop += 1
        del tail[:stop]
        return stop > 0


_order = itemgetter(0)


class Linker:
    """All components. `watermark` is the clock watermark of the linker: nothing older is decided again."""

    def __init__(self) -> None:
        self._fold = _Fold()
        self._of: dict[str, _Component] = {}  # by matter
        self._expiries: list[tuple[int, int, _Component]] = []
        self._recent: deque[tuple[int, _Component]] = deque()
        self._made = 0
        self._begun = 0  # how many components ever were
        self._changed: dict[int, _Component | None] | None = None  # since it was last saved; None: it never was

    def link(self, order: Order, event: Event, watermark: int) -> Linked:
        """Decide on an event that has just arrived."""
        own = event.matter or own_matter(event.id)
        signs = _signs(event)
        component = self._component(event, own, signs)
        linked = component.take(self._fold, order, event, own, signs, watermark)
        self._recent.append((order[0], component))
        if component.expiry is None:
            self._schedule(component)
        self._touch(component.number, component)
        self._release(watermark)
        return linked

    def _component(self, event: Event, own: str, signs: list[Sign]) -> _Component:
        """The component of an event: that of everything it has in common with others, made one."""
        component = known = self._of.get(own)
        fresh = []
        last = None
        for key in _keys(event, signs):
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


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def own_matter(event_id: str) -> str:
    """The matter that begins with an event: a UUID made of its id, so that it is the same in every run.

    It is `uuid.uuid5(MATTERS, event_id)`, written out because every event of a city asks for it.
    """
    made = hashlib.sha1(MATTERS.bytes + event_id.encode(), usedforsecurity=False).hexdigest()
    return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{_VARIANT[made[16]]}{made[17:20]}-{made[20:32]}"


def _keys(event: Event, signs: list[Sign]) -> list[Name | Sign]:
    """Every name and sign by which an event can hang together with others."""
    keys: list[Name | Sign] = [*signs, event.id]
    if event.case:
        keys.append(event.case)
    if event.link and event.link.to:
        keys.append(event.link.to)
    return keys


def _signs(event: Event) -> list[Sign]:
    """The case of an event, and its people with what it is about; no people where the topic is unknown."""
    signs: list[Sign] = [("case", event.channel, event.case)] if event.case else []
    if event.category is None and event.subcategory is None:
        return signs
    topic = f"{county_of(event) or ''}:{event.category or ''}:{event.subcategory or ''}"
    if event.pair:
        signs.append(("pair", event.pair, topic))
    if event.household:
        signs.append(("household", event.household, topic))
    if event.reporter:
        signs.append(("reporter", event.reporter, topic))
    return signs
