"""Under which key a rule keeps an event, and what of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from alerts.entry import Entry, Key
from alerts.linker_fold import Order
from alerts.model import Event
from alerts.rule import Rule

_NO_ATTRS: dict[str, Any] = {}
_ONLY_SHOWN = ("arrived_at", "reporter", "pair", "household", "place", "subject")
Unshown = Mapping[str, None]


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
    return {name: None for name in _ONLY_SHOWN if name not in shown}


def slim(event: Event, without: Unshown = MappingProxyType({})) -> Event:
    """What detection keeps of an event: everything but people's words, the exact spot and what is `without` use.

    It is kept for months, so what many events say is kept once for all of them.
    """
    return replace(
        event, text=None, lat=None, lon=None, attrs=event.attrs or _NO_ATTRS, channel=intern(event.channel),
        region=event.region and intern(event.region), subcategory=event.subcategory and intern(event.subcategory),
        unit=event.unit and intern(event.unit), **without,
    )  # fmt: skip
