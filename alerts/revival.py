"""Entries that were saved become entries again, and an event that stands under many keys one object."""

from __future__ import annotations

from sys import intern
from typing import Any

import msgspec

from alerts.entry import Entry
from alerts.model import Event

REMEMBERED_AT_MOST = 100_000
_SAID_BY_MANY = ("channel", "region", "subcategory", "unit", "category")


class Reviver:
    """Turns a saved entry back into one."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}

    def __call__(self, kept: Any) -> Entry:
        """The entry that was saved."""
        occurred, rank, identity, contact, role, values, saved = kept
        event = self._one_of(msgspec.convert(saved, Event))
        plain = tuple([tuple(value) if isinstance(value, list) else value for value in values])
        return (occurred, rank, event.id, event.id if contact == identity else contact, role, plain, event)

    def _one_of(self, event: Event) -> Event:
        """The same event as it was revived before; two that say different things are two."""
        known = self._events.get(event.id)
        if known == event:
            return known
        if len(self._events) >= REMEMBERED_AT_MOST:
            self._events.clear()
        for name in _SAID_BY_MANY:
            if (word := getattr(event, name)) is not None:
                msgspec.structs.force_setattr(event, name, intern(word))
        self._events[event.id] = event
        return event
