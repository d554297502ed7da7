"""What the events folded so far say: which matter has which names and signs, and how each matter stands.

One event further, in event-time order: given matter, link, case, the same people with the same topic, or a matter
of its own (semantics 2). What an event changed can be undone.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from alerts.duration import DAY_US
from alerts.fields import county_of
from alerts.model import Event, to_us

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
    "merged": 1.0,  # a person has said so
    "split": 1.0,
}

Order = tuple[int, int, str]  # (occurred_us, channel rank, id)


def order_of(event: Event, ranks: Mapping[str, int]) -> Order:
    """The place of an event among all."""
    return to_us(event.occurred_at), ranks[event.channel], event.id


class Decision(NamedTuple):
    """Where one event belongs, why, and which contact it is part of."""

    matter: str
    reason: str
    contact: str


Name = str  # the id of an event, or the number of a case: what a link can point at
Sign = tuple[str, ...]  # ("case", channel, case) or (reason, token, topic): what events can have in common
Stand = tuple[int, int | None]  # how a matter stands: event time of its latest event, and of its closing

# what one event changed in the fold, three by three: number of the map, key, what stood there before or None
Undo = list[Any]
OWNERS, CONTACTS, WANTED, STANDS = range(4)


class Fold:
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

    def merge(self, keys: list[Name | Sign], gone: str, heir: str) -> None:
        """What one matter owned is another's from here on."""
        for held in self.maps[OWNERS], self.maps[WANTED]:
            held.update({key: heir for key in keys if held.get(key) == gone})
        one, other = self.matters.pop(gone, None), self.matters.get(heir)
        if one is not None and other is not None:
            closed = None if one[1] is None or other[1] is None else max(one[1], other[1])
            self.matters[heir] = (max(one[0], other[0]), closed)
        elif one is not None:
            self.matters[heir] = one

    def split(self, matter: str, events: Sequence[tuple[Order, Event, str]]) -> None:
        """The events of a matter, in their order, each with the matter that it belongs to from here on."""
        stands: dict[str, Stand] = {}
        for (now, *_), event, owner in events:
            stands[owner] = (now, _closing(stands.get(owner, (now, None))[1], now, event))
            keys = keys_of(event, signs_of(event))
            for held in self.maps[OWNERS], self.maps[WANTED]:
                held.update({key: owner for key in keys if held.get(key) in (matter, *stands)})
        self.matters.update(stands)

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
        self.matters[matter] = (last if last > now else now, _closing(closed, now, event))
        changes: Undo = [STANDS, matter, before]
        if contact != name or name in self.contacts:
            put(CONTACTS, self.contacts, name, contact, changes)
        if case and case not in self.contacts:  # its first contact; an event may have the name of the case
            put(CONTACTS, self.contacts, case, case if case in owners else contact, changes)
        put(OWNERS, owners, name, matter, changes)
        if case:
            put(OWNERS, owners, case, matter, changes)
        for sign in signs:
            put(OWNERS, owners, sign, matter, changes)
        link = event.link
        if link and link.to and link.to not in owners:
            put(WANTED, self.wanted, link.to, matter, changes)
        return changes


def _closing(closed: int | None, now: int, event: Event) -> int | None:
    """When a matter was closed, after an event of it."""
    if event.action == "closed":
        return now
    return None if event.action in OPEN_AGAIN else closed


def contact_of(event: Event, contacts: dict[str, str]) -> str:
    """Which contact an event of the past is part of; `contacts` remembers by event and case, in event-time order."""
    link = event.link
    same = link is not None and link.to and link.type in SAME_CONTACT
    contact = contacts.get(link.to, link.to) if same and link else event.id
    contacts[event.id] = contact
    if event.case:
        contacts.setdefault(event.case, contact)
    return contact


def put(number: int, held: dict[Any, Any], key: Any, value: Any, changes: Undo) -> None:
    before = held.get(key)
    if before != value:
        changes += (number, key, before)
        held[key] = value


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def own_matter(event_id: str) -> str:
    """The matter that begins with an event: a UUID made of its id, so that it is the same in every run.

    It is `uuid.uuid5(MATTERS, event_id)`, written out because every event of a city asks for it.
    """
    made = hashlib.sha1(MATTERS.bytes + event_id.encode(), usedforsecurity=False).hexdigest()
    return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{_VARIANT[made[16]]}{made[17:20]}-{made[20:32]}"


def keys_of(event: Event, signs: list[Sign]) -> list[Name | Sign]:
    """Every name and sign by which an event can hang together with others."""
    keys: list[Name | Sign] = [*signs, event.id]
    if event.case:
        keys.append(event.case)
    if event.link and event.link.to:
        keys.append(event.link.to)
    return keys


def signs_of(event: Event) -> list[Sign]:
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
