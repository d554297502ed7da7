"""What the events folded so far say: which matter has which names and signs, and how each matter stands.

One event further, in event-time order: given matter, link, case, the same people with the same topic, or a matter
of its own (semantics 2). What an event changed can be undone.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from alerts.duration import DAY_US
from alerts.fields import county_of
from alerts.model import NEVER, Event, to_us

if TYPE_CHECKING:
    from alerts.linker_component import Component

MATTERS = uuid.UUID("0f6d3f54-5d0e-5a3b-8f0e-2c1e7a4b9d10")  # namespace of matter ids; never changes
JOIN_WINDOW = 30 * DAY_US
REOPEN_WITHIN = 30 * DAY_US
CASE_WINDOW = 180 * DAY_US  # that a case may be quiet before its closing: the last word of a shipped rule is at 120
SAME_CONTACT = ("transfer", "referral", "callback", "duplicate")
OPEN_AGAIN = ("reopened", "received")
TURNS = ("closed", *OPEN_AGAIN)
SCORES = {
    "given": 1.0,
    "link": 1.0,
    "case": 1.0,
    "pair": 0.8,
    "household": 0.6,
    "reporter": 0.5,
    "first": 1.0,
    "merged": 1.0,  # a person has said so
    "split": 1.0,
}

Order = tuple[int, int, str]  # (occurred_us, channel rank, id)


def order_of(event: Event, ranks: Mapping[str, int]) -> Order:
    """The place of an event among all."""
    return to_us(event.occurred_at), ranks[event.channel], event.id


class Decision(Struct, frozen=True, array_like=True, gc=False):
    """Where one event belongs, why, and which contact it is part of."""

    matter: str
    reason: str
    contact: str


Name = str  # the id of an event, or the number of a case: what a link can point at
Sign = tuple[str, ...]  # ("case", channel, case) or (reason, token, topic): what events can have in common
Stand = tuple[int, int | None]  # how a matter stands: event time of its latest event, and of its closing

# what one event changed in the fold, three by three: number of the map, key, what stood there before or None.
# Matters are called by their names, so that it can be saved as it is.
Undo = tuple[Any, ...]
OWNERS, CONTACTS, WANTED, STANDS = range(4)


class Matter:
    """How a matter stands, and the component that it is part of."""

    __slots__ = ("closed", "component", "last", "name")

    def __init__(self, name: str, component: Component | None = None) -> None:
        self.name = name
        self.component = component  # None: nobody has been told of it yet
        self.last: int | None = None  # the event time of its latest event; None where no event of it is known
        self.closed: int | None = None  # and of its closing

    @property
    def stand(self) -> Stand | None:
        """How it stands, None before its first event."""
        return None if self.last is None else (self.last, self.closed)

    @stand.setter
    def stand(self, stand: Stand | None) -> None:
        self.last, self.closed = stand or (None, None)

    def move(self, now: int, event: Event) -> Stand | None:
        """An event of it, at `now`. How it stood before."""
        last, closed = self.last, self.closed
        if last is None or now > last:
            self.last = now
        if event.action == "closed":
            self.closed = now
        elif closed is not None and event.action in OPEN_AGAIN:
            self.closed = None
        return None if last is None else (last, closed)

    def is_joinable(self, now: int) -> bool:
        """May the same people join it with what they say now?"""
        assert self.last is not None  # whoever owns a sign has an event
        if now - self.last > JOIN_WINDOW:
            return False
        return self.closed is None or now - self.closed <= REOPEN_WITHIN


class Traces(Struct, frozen=True, gc=False):
    """The signs and names of an event, and the matter of each of them, looked up once."""

    keys: list[Name | Sign]  # its signs, its id, its case, what it links to
    owners: list[Matter | None]  # of each key
    signs: int  # how many of them are signs


class Fold:
    """What the events folded so far say: who belongs to which matter, and how each matter stands.

    Components share no key, so one fold serves them all. Each event taken gives back how to undo it, so that one
    which comes out of order costs as much as the few events after it, however much the fold holds.
    """

    __slots__ = ("contacts", "matters", "owners", "wanted")

    def __init__(self) -> None:
        self.owners: dict[Name | Sign, Matter] = {}
        # of names only, but asked with signs as well
        self.contacts: dict[Name | Sign, str] = {}  # an id that is not here is its own contact
        # what is still to come: a name that an event linked to when it was unknown, the closing of a case
        self.wanted: dict[Name | Sign, Matter] = {}
        self.matters: dict[str, Matter] = {}  # by name

    def traces(self, event: Event) -> Traces:
        """What is known of the names and signs of an event."""
        keys, signs = keys_of(event)
        return Traces(keys, list(map(self.owners.get, keys)), signs)

    def decide(self, now: int, event: Event, traces: Traces) -> tuple[Matter, str]:
        """The matter of an event that is the newest of all that it hangs together with, and why."""
        if event.matter:
            return self.matter(event.matter), "given"
        target = self._linked(event, traces)
        if target is not None:
            return target, "link"
        for place in range(traces.signs):
            owner = traces.owners[place]
            if owner is not None:
                reason = traces.keys[place][0]
                if reason == "case" or owner.is_joinable(now):
                    return owner, reason
        return self.matter(own_matter(event.id)), "first"

    def take(self, now: int, event: Event, traces: Traces, matter: Matter, reason: str) -> tuple[Decision, Undo]:
        """One event further: it belongs to this matter."""
        name, case, link = event.id, event.case, event.link
        to = None if link is None else link.to
        changes: list[Any] = [STANDS, matter.name, matter.move(now, event)]
        keys, known, here = traces.keys, traces.owners, traces.signs  # `here` is its id, and behind that its case
        contact = self.contacts.get(to, to) if link and to and link.type in SAME_CONTACT else name
        if contact != name or (known[here] is not None and name in self.contacts):
            put(CONTACTS, self.contacts, name, contact, changes)
        if case and known[0] is None and case not in self.contacts:  # its first contact
            put(CONTACTS, self.contacts, case, contact if known[here + 1] is None else case, changes)
        owners = self.owners
        for key, owner in zip(keys[:-1] if to else keys, known, strict=False):
            if owner is not matter:
                changes += (OWNERS, key, None if owner is None else owner.name)
                owners[key] = matter
        if to and to not in owners:
            wanted = self.wanted.get(to)
            changes += (WANTED, to, None if wanted is None else wanted.name)
            self.wanted[to] = matter
        if case:
            changes += self._turned(keys[0], known[0] is None, event, matter)
        return Decision(matter.name, reason, contact), tuple(changes)

    def case_of(self, event: Event) -> Matter | None:
        """The matter of an event that goes on with a known case where nothing else has a say, as most do; or None."""
        name, case = event.id, event.case
        if not case or event.matter or event.link or event.reporter or event.household or event.pair:
            return None
        matter = self.owners.get(("case", event.channel, case))
        if matter is None or matter is not self.owners.get(case) or name in self.owners:
            return None
        return None if name in self.wanted or case in self.wanted else matter

    def go_on(self, now: int, event: Event, matter: Matter) -> tuple[Decision, Undo]:
        """What `take` does with such an event."""
        undo: Undo = (STANDS, matter.name, matter.move(now, event), OWNERS, event.id, None)
        self.owners[event.id] = matter
        if event.action in TURNS:
            undo += self._turned(("case", event.channel, cast("str", event.case)), False, event, matter)
        return Decision(matter.name, "case", event.id), undo

    def _turned(self, sign: Name | Sign, is_first: bool, event: Event, matter: Matter) -> Undo:
        """An event of a case: its closing has come, or is to come to this matter."""
        before = self.wanted.get(sign)
        if event.action == "closed":
            self.wanted.pop(sign, None)
            return () if before is None else (WANTED, sign, before.name)
        if before is matter or (before is None and not is_first and event.action not in OPEN_AGAIN):
            return ()
        self.wanted[sign] = matter
        return WANTED, sign, None if before is None else before.name

    def undo(self, changes: Undo) -> None:
        """Take back what the event taken last has changed."""
        held: tuple[dict[Any, Any], ...] = (self.owners, self.contacts, self.wanted)
        for place in range(len(changes) - 3, -1, -3):
            number, key, before = changes[place : place + 3]
            if number == STANDS:
                self.matters[key].stand = before
            elif before is None:
                held[number].pop(key, None)  # an event may have the name of its case: one key, put twice
            else:
                held[number][key] = before if number == CONTACTS else self.matters[before]

    def matter(self, name: str) -> Matter:
        """The matter of this name; one that is not known yet is in no component."""
        return self.matters.get(name) or Matter(name)

    def add(self, matter: Matter, component: Component) -> None:
        """A matter becomes known."""
        matter.component = component
        component.matters.append(matter.name)
        self.matters[matter.name] = matter

    def merge(self, keys: list[Name | Sign], gone: Matter, heir: Matter) -> None:
        """What one matter owned is another's from here on."""
        held: tuple[dict[Any, Matter], ...] = (self.owners, self.wanted)
        for each in held:
            each.update({key: heir for key in keys if each.get(key) is gone})
        if gone.last is None:
            return
        if heir.last is None:
            heir.stand = gone.stand
        else:
            heir.closed = None if gone.closed is None or heir.closed is None else max(gone.closed, heir.closed)
            heir.last = max(gone.last, heir.last)

    def split(self, matter: Matter, events: Sequence[tuple[Order, Event, str]]) -> None:
        """The events of a matter, in their order, each with the matter that it belongs to from here on."""
        mine = [matter]
        for each in {self.matters[owner] for _, _, owner in events}:
            each.stand = None
        held: tuple[dict[Any, Matter], ...] = (self.owners, self.wanted)
        for (now, *_), event, name in events:
            owner = self.matters[name]
            owner.move(now, event)
            mine.append(owner)
            keys, _ = keys_of(event)
            for each_map in held:
                each_map.update({key: owner for key in keys if each_map.get(key) in mine})

    def awaited_until(self, component: Component) -> int:
        """How long the closing of a case is waited for; `NEVER` where none of a component is open."""
        signs = (key for key in component.keys if isinstance(key, tuple))
        owners = filter(None, map(self.wanted.get, signs))
        return max((owner.last + CASE_WINDOW for owner in owners if owner.last is not None), default=NEVER)

    def forget(self, component: Component) -> None:
        """Nothing can join the matters of a component any more."""
        for key in component.keys:
            self.owners.pop(key, None)
            self.contacts.pop(key, None)
            self.wanted.pop(key, None)
        for matter in component.matters:
            del self.matters[matter]

    def _linked(self, event: Event, traces: Traces) -> Matter | None:
        if event.link and event.link.to:
            owner = traces.owners[-1]
            if owner is not None:
                return owner
        wanted = self.wanted.get(event.id)
        return self.wanted.get(event.case) if wanted is None and event.case else wanted


def contact_of(event: Event, contacts: dict[str, str]) -> str:
    """Which contact an event of the past is part of; `contacts` remembers by event and case, in event-time order."""
    link = event.link
    same = link is not None and link.to and link.type in SAME_CONTACT
    contact = contacts.get(link.to, link.to) if same and link else event.id
    contacts[event.id] = contact
    if event.case:
        contacts.setdefault(event.case, contact)
    return contact


def put(number: int, held: dict[Any, Any], key: Any, value: Any, changes: list[Any]) -> None:
    before = held.get(key)
    if before != value:
        changes += (number, key, before)
        held[key] = value


_NAMESPACE = MATTERS.bytes
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def own_matter(event_id: str) -> str:
    """The matter that begins with an event: a UUID made of its id, so that it is the same in every run.

    It is `uuid.uuid5(MATTERS, event_id)`, written out because every matter of a city asks for it.
    """
    made = hashlib.sha1(_NAMESPACE + event_id.encode(), usedforsecurity=False).hexdigest()
    return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{_VARIANT[made[16]]}{made[17:20]}-{made[20:32]}"


def keys_of(event: Event) -> tuple[list[Name | Sign], int]:
    """Every sign and name by which an event can hang together with others, and how many are signs: they come first."""
    keys: list[Name | Sign] = signs_of(event)
    signs = len(keys)
    keys.append(event.id)
    if event.case:
        keys.append(event.case)
    if event.link and event.link.to:
        keys.append(event.link.to)
    return keys, signs


def signs_of(event: Event) -> list[Name | Sign]:
    """The case of an event, and its people with what it is about; no people where the topic is unknown."""
    signs: list[Name | Sign] = [("case", event.channel, event.case)] if event.case else []
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
