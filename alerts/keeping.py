"""Under which key a rule keeps an event, and what of it."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any

from alerts.entry import Entry, Key
from alerts.linker_fold import Order
from alerts.model import Event
from alerts.rule import Rule

_NO_ATTRS: dict[str, Any] = {}
_ONLY_SHOWN = ("arrived_at", "reporter", "pair", "household", "place", "subject")
Unshown = frozenset[str]


def kept_entry(rule: Rule, order: Order, event: Event, contact: str) -> tuple[Key, Entry] | None:
    """Under which key a rule keeps an event of the past, and what of it; None if it does not concern the rule."""
    role = rule.role_of(event) if event.channel in rule.channels else 0
    key = rule.key_of(event) if role else None
    if key is None:
        return None
    key, values = kept_under(rule, event, role, key)
    return key, (*order, contact, role, values, slim(event, unshown([rule])))


def kept_under(rule: Rule, event: Event, role: int, key: Key) -> tuple[Key, tuple[object, ...]]:
    """The key, and what is measured of the event: a rule that is kept whole keeps the key itself."""
    return (rule.whole_key, (key,)) if rule.is_whole else (key, rule.values(event, role))


def unshown(rules: Iterable[Rule]) -> Unshown:
    """What of an event is needed no more once it stands under its keys: none of these rules shows it as evidence."""
    shown = {name for rule in rules for name in (*rule.spec.evidence.fields, *rule.spec.evidence.top_k)}
    return frozenset(_ONLY_SHOWN) - shown


def slim(event: Event, without: Unshown = frozenset()) -> Event:
    """What detection keeps of an event: everything but people's words, the exact spot and what is `without` use.

    It is kept for months, so what many events say is kept once for all of them. Every event of a rule passes here,
    and a struct that is made by places is made four times as fast as a copy with changes.
    """
    region, subcategory, unit = event.region, event.subcategory, event.unit
    return Event(
        event.id,
        intern(event.channel),
        event.action,
        event.occurred_at,
        None if "arrived_at" in without else event.arrived_at,
        event.case,
        event.matter,
        event.link,
        None if "reporter" in without else event.reporter,
        event.reporter_class,
        None if "pair" in without else event.pair,
        None if "household" in without else event.household,
        None if "place" in without else event.place,
        None if "subject" in without else event.subject,
        region and intern(region),
        event.grid,
        event.category,
        subcategory and intern(subcategory),
        event.violence,
        event.cues,
        unit and intern(unit),
        event.unit_level,
        event.satisfied,
        attrs=event.attrs or _NO_ATTRS,
    )
