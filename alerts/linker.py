"""The linker: which matter an event belongs to (semantics 2).

Events that share a link, a case, a pair, a household or a reporter form a *component*. Inside one the decision is
a fold over its events in event-time order: given matter, link, case, the same people with the same topic, or a
matter of its own. For an event that arrives out of order the few unsettled events after it are undone and decided
again; what changes is said as a *move*, and the rules follow. So the matters, too, do not depend on the order of
arrival. A person may say that two matters are one, or that one is two: that stands, whatever the fold would say.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice, repeat
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from alerts.duration import HOUR_US
from alerts.linker_component import Appended, Component, Move
from alerts.linker_fold import (
    JOIN_WINDOW,
    REOPEN_WITHIN,
    Decision,
    Fold,
    Matter,
    Name,
    Order,
    Sign,
    Stand,
    Traces,
    own_matter,
)
from alerts.model import ALWAYS, Event

Places = int | list[int | None]  # of the matters of keys: of each key, or one that all of them have

QUIET = JOIN_WINDOW + REOPEN_WITHIN  # after that nobody joins what has no open case
PartName = tuple[Any, ...]  # of what is saved: (COMPONENT, number) or (PIECE, number, number of the piece)
COMPONENT, PIECE = "component", "piece"


class Linked(Struct, frozen=True):
    """The decision on the event that arrived, and earlier decisions that it overturned."""

    decision: Decision
    moves: Sequence[Move] = ()


class Linker:
    """All components. `watermark` is the clock watermark of the linker: nothing older is decided again."""

    def __init__(self) -> None:
        self._fold = Fold()
        self._expiries: list[tuple[int, int, Component]] = []  # when each is looked at, if not before
        self._unsettled: dict[int, list[Component]] = {}  # by the hours of their events
        self._next_release = ALWAYS
        self._made = 0
        self._begun = 0  # how many components ever were
        self._changed: dict[int, Component] | None = None  # since it was last saved; None: it never was
        self._gone: list[PartName] = []  # what was saved and is no longer there
        self.merged: dict[str, str] = {}  # by a person: the matter -> the one that it is part of

    def link(self, order: Order, event: Event, watermark: int) -> Linked:
        """Decide on an event that has just arrived."""
        if event.matter in self.merged:
            event = msgspec.structs.replace(event, matter=self.merged[event.matter])
        matter = self._fold.case_of(event)
        component = None if matter is None else matter.component
        if matter is not None and component is not None and component.is_newest(order, watermark):
            linked = Linked(component.go_on(self._fold, order, event, matter))
        else:
            component, linked = self._weigh(order, event, watermark)
        self._keep(order[0], component)
        if self._next_release <= watermark:
            self._release(watermark)
        if self._expiries[0][0] < watermark:
            self._expire(watermark)
        return linked

    def _weigh(self, order: Order, event: Event, watermark: int) -> tuple[Component, Linked]:
        """Decide on an event by everything that it has in common with others."""
        fold = self._fold
        traces = fold.traces(event)
        matter, reason = fold.decide(order[0], event, traces)  # unless it came out of order
        component = self._component(traces, matter)
        if component.is_newest(order, watermark):
            return component, Linked(*component.append(fold, order, event, traces, matter, reason))
        component = self._gathered(component, order[0], event, watermark)
        return component, Linked(*component.insert(fold, order, event))

    def _keep(self, now: int, component: Component) -> None:
        """It has one event more, which is not settled yet."""
        if now > component.last:
            component.last = now
        hour = now // HOUR_US
        if component.hour != hour:
            self._list(hour, component)
        self._watch(component)
        self._touch(component)

    def merge(self, gone: str, heir: str) -> None:
        """From here on one matter is part of another; what was decided until now is not decided again."""
        self.merged = {each: heir if now == gone else now for each, now in self.merged.items()} | {gone: heir}
        fold = self._fold
        one, other = fold.matters.pop(gone, None), fold.matter(heir)
        if one is None:
            return
        component = _of(one)
        component.matters.remove(gone)
        if other.component is None:
            fold.add(other, component)
        elif other.component is not component:
            component = self._merged(component, other.component)
        component.tail = []
        fold.merge(component.keys, one, other)
        self._touch(component)

    def split(self, matter: str, made: str, events: Sequence[tuple[Order, Event, str]]) -> None:
        """Some events of a matter are a matter of their own from here on; `events` are all of it, with their owners."""
        fold = self._fold
        left = fold.matters.get(matter)
        if left is None:
            return
        component = _of(left)
        component.tail = []
        fold.add(Matter(made), component)
        fold.split(left, events)
        self._watch(component)
        self._touch(component)

    def _component(self, traces: Traces, matter: Matter) -> Component:
        """The component of an event: that of everything it has in common with others, made one."""
        component, wanted = matter.component, self._fold.wanted
        fresh: list[Name | Sign] = []
        for key, known in zip(traces.keys, traces.owners, strict=True):
            owner = wanted.get(key) if known is None else known
            if owner is None:
                fresh.append(key)
            elif owner.component is not component:
                component = owner.component if component is None else self._merged(component, _of(owner))
        if component is None:
            component = Component(self._begun)
            self._begun += 1
        component.keys += fresh
        if matter.component is None:
            self._fold.add(matter, component)
        return component

    def _gathered(self, component: Component, since: int, event: Event, watermark: int) -> Component:
        """The component with every matter that its events from an instant on, and this one, can still begin."""
        component.settle(watermark)
        for each in (event, *(kept.event for kept in component.since(since))):
            own = None if each.matter else self._fold.matters.get(own_matter(each.id))
            if own is not None and own.component is not component:
                return self._gathered(self._merged(component, _of(own)), since, event, watermark)
        return component

    def _merged(self, one: Component, other: Component) -> Component:
        if len(one.keys) < len(other.keys):
            one, other = other, one
        for matter in other.matters:
            self._fold.matters[matter].component = one
        for kept in other.tail:
            self._list(kept.occurred // HOUR_US, one)
        one.absorb(other)
        self._drop(other)
        return one

    def _touch(self, component: Component) -> None:
        if self._changed is not None:
            self._changed[component.number] = component

    def _drop(self, component: Component) -> None:
        if self._changed is None:
            return
        number = component.number
        self._changed.pop(number, None)
        if component.is_saved:
            self._gone += [(COMPONENT, number), *((PIECE, number, piece) for piece in component.pieces)]

    def _watch(self, component: Component) -> None:
        """Look at it as soon as it may be forgotten."""
        soonest = component.last + QUIET
        if component.expiry is None or component.expiry > soonest:
            self._schedule(component, soonest)

    def _schedule(self, component: Component, at: int) -> None:
        component.expiry = at
        self._made += 1
        heapq.heappush(self._expiries, (at, self._made, component))

    def _list(self, hour: int, component: Component) -> None:
        """It has an unsettled event in an hour of event time."""
        component.hour = hour
        listed = self._unsettled.get(hour)
        if listed is None:
            self._unsettled[hour] = [component]
            self._next_release = min(self._next_release, (hour + 1) * HOUR_US)
        else:
            listed.append(component)

    def _release(self, watermark: int) -> None:
        """Settle the hours that the watermark has passed: no decision depends on it, but they are kept no longer."""
        passed = watermark // HOUR_US
        for hour in [each for each in self._unsettled if each < passed]:
            for component in self._unsettled.pop(hour):
                if component.settle(watermark):
                    self._touch(component)
        self._next_release = (min(self._unsettled) + 1) * HOUR_US if self._unsettled else ALWAYS

    def _expire(self, watermark: int) -> None:
        """Forget components that nothing can join any more."""
        while self._expiries and self._expiries[0][0] < watermark:
            at, _, component = heapq.heappop(self._expiries)
            if at != component.expiry:
                continue  # it was looked at meanwhile
            until = max(component.last + QUIET, self._fold.awaited_until(component))
            if until >= watermark:
                self._schedule(component, until)
            else:
                self._forget(component)

    def _forget(self, component: Component) -> None:
        component.expiry = None
        self._fold.forget(component)
        self._drop(component)

    def _components(self) -> dict[int, Component]:
        """All of them by their numbers."""
        return {component.number: component for component in map(_of, self._fold.matters.values())}

    def __len__(self) -> int:
        return len(self._components())

    @property
    def matters_kept(self) -> int:
        """How many matters an event may still join."""
        return len(self._fold.matters)

    @property
    def begun(self) -> int:
        """How many components there ever were: none gets a number twice."""
        return self._begun

    def all_parts(self) -> Iterator[tuple[PartName, Any]]:
        """Every component by its name, in plain types; from now on only what changes is new."""
        self._changed, self._gone = {}, []
        for number, component in self._components().items():
            component.saved_whole()
            yield (COMPONENT, number), self._state(component)

    def changed_parts(self) -> Iterator[tuple[PartName, Any]]:
        """The parts of components that changed since they were last asked for; None for one that is gone."""
        if self._changed is None:
            yield from self.all_parts()
            return
        changed, self._changed = self._changed, {}
        gone, self._gone = self._gone, []
        yield from ((name, None) for name in gone)
        for component in changed.values():
            yield from self._parts(component)

    def some_changed(self, share: float) -> Iterator[tuple[PartName, Any]]:
        """The same for a share of those that changed, which changed first; they count as saved then."""
        changed = self._changed or {}
        for number in list(islice(changed, int(share * len(changed)))):
            yield from self._parts(changed.pop(number))

    def _parts(self, component: Component) -> Iterator[tuple[PartName, Any]]:
        """What was appended to a component, as a piece, or all of it in the place of all that was saved."""
        appended = component.appended()
        if appended is None:
            yield from (((PIECE, component.number, gone), None) for gone in component.saved_whole())
            yield (COMPONENT, component.number), self._state(component)
        elif appended:
            yield (PIECE, component.number, component.saved_piece()), appended

    def _state(self, component: Component) -> Any:
        """What the fold says of a component, and its tail. Matters and keys are named by their places."""
        fold, keys, matters = self._fold, component.keys, component.matters
        contacts = list(map(fold.contacts.get, keys))
        places: dict[Any, int] = dict(zip(keys, count()))
        return (
            [(each, fold.matters[each].stand) for each in matters],
            keys,
            _places(map(fold.owners.get, keys), matters),
            list(map(places.get, contacts, contacts)) if any(contacts) else [],
            _places(map(fold.wanted.get, keys), matters),
            *component.saved_tail(),
            component.pieces.start,
            component.last,
        )

    def restore(self, parts: Mapping[PartName, Raw], begun: int) -> None:
        """Take back all components; of other parts it takes no notice."""
        self._begun = begun
        self._changed, self._gone = {}, []
        pieces: dict[int, dict[int, Raw]] = defaultdict(dict)
        for name, part in parts.items():
            if name[0] == PIECE:
                pieces[name[1]][name[2]] = part
        for name, part in parts.items():
            if name[0] == COMPONENT:
                self._take_back(Component(name[1]), part, pieces.get(name[1], {}))

    def _take_back(self, component: Component, part: Raw, pieces: Mapping[int, Raw]) -> None:
        stands, component.keys, owners, contacts, wanted, times, tail, since, component.last = _COMPONENT.decode(part)
        component.put_tail(times, tail, since)
        self._put_back(component, stands, owners, contacts, wanted)
        for _, piece in sorted(pieces.items()):
            self._append_again(component, _APPENDED.decode(piece))
        self._watch(component)
        for time in component.tail_times():
            self._list(time // HOUR_US, component)

    def _append_again(self, component: Component, piece: list[Appended]) -> None:
        """What was appended to it, as it was decided then."""
        fold = self._fold
        _ = component.tail  # awake
        for now, rank, event, name, reason in piece:
            traces, matter = fold.traces(event), fold.matter(name)
            self._component(traces, matter)
            component.append(fold, (now, rank, event.id), event, traces, matter, reason)
            component.last = max(component.last, now)
        component.saved_piece()

    def _put_back(self, component: Component, stands: Any, owners: Any, contacts: Any, wanted: Any) -> None:
        fold, keys = self._fold, component.keys
        matters = [Matter(name) for name, _ in stands]
        for matter, (_, stand) in zip(matters, stands, strict=True):
            matter.stand = stand
            fold.add(matter, component)
        for held, found in ((fold.owners, owners), (fold.wanted, wanted)):
            places = repeat(found, len(keys)) if isinstance(found, int) else found or repeat(None, len(keys))
            for key, owner in zip(keys, places, strict=True):
                if owner is not None:
                    held[key] = matters[owner]
        for key, contact in zip(keys, contacts or repeat(None, len(keys)), strict=True):
            if contact is not None:
                fold.contacts[key] = cast("str", keys[contact]) if isinstance(contact, int) else contact


def _places(owners: Iterable[Matter | None], matters: list[str]) -> Places:
    """Whose the keys of a component are: mostly all are of one matter, or none is of any."""
    all_of_them = list(owners)
    different = set(all_of_them)
    if len(different) > 1:
        place = {name: place for place, name in enumerate(matters)}
        return [None if owner is None else place[owner.name] for owner in all_of_them]
    owner = different.pop() if different else None
    return [] if owner is None else matters.index(owner.name)


def _of(matter: Matter) -> Component:
    """The component of a matter that is known."""
    assert matter.component is not None
    return matter.component


_APPENDED = msgspec.msgpack.Decoder(list[Appended])
_COMPONENT = msgspec.msgpack.Decoder(
    tuple[
        list[tuple[str, Stand | None]],
        list[Name | Sign],
        Places,
        list[int | str | None],
        Places,
        list[int],
        Raw,
        int,
        int,
    ]
)
