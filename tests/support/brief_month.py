"""A simulated October and its first weeks a year before, run through the production stages into a pool; and counted
again here, from the events that went in and the revisions that came out, without the pool.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from alerts.model import Arrival, Event, Revision, to_us
from connectors.clickhouse import Pool
from connectors.clickhouse_schema import Retention
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.city.city import City
from dataflows.city.direct import events
from dataflows.city.stories import YEAR_CATALOGUE
from dataflows.replay import replay

FIRST = date(2026, 9, 28)
DAYS = 35
REPORTS_A_DAY = 30
SHANGHAI = timezone(timedelta(hours=8))
FOR_EVER = Retention(text=None, tokens=None, events=None, alerts=None, dead_letters=None)
NO_CONTACT = {"transfer", "referral", "callback", "duplicate"}
ANSWERS = {"started", "replied", "visited", "resolved", "closed"}


class Told(NamedTuple):
    """Where the pool is, the events that are in it, and every revision in order."""

    dsn: str
    events: list[Event]
    revisions: list[Revision]


def tell(dsn: str) -> Told:
    """Fill the pool."""
    with Pool(dsn) as pool:
        pool.migrate(FOR_EVER)
    channels = load_channels()
    found = chain(_arrivals(FIRST.replace(year=2025), 22, 6), _arrivals(FIRST, DAYS, 7))
    replayed = replay(found, load_rules([RULES_FOLDER], channels), channels, keep_events=True, pool_dsn=dsn)
    last = {event.id: event for event in map(msgspec.json.Decoder(Event).decode, replayed.event_lines)}
    return Told(dsn, list(last.values()), replayed.revisions())


def _arrivals(first: date, days: int, seed: int) -> Iterator[Arrival]:
    start = datetime(first.year, first.month, first.day, tzinfo=SHANGHAI).astimezone(UTC)
    for event in events(City(seed, start, days, REPORTS_A_DAY, with_broken=False, catalogue=YEAR_CATALOGUE)):
        assert event.arrived_at is not None
        yield Arrival(event, to_us(event.arrived_at))


def day_of(at: datetime) -> date:
    """The local day of an instant."""
    return at.astimezone(SHANGHAI).date()


def midnight(day: date) -> datetime:
    """The instant with which a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


class Span(NamedTuple):
    """Days from the first on, before the end."""

    first: date
    end: date

    def holds(self, at: datetime) -> bool:
        return self.first <= day_of(at) < self.end


class Counted:
    """The same numbers, counted event by event."""

    def __init__(self, told: Told, span: Span, region: str = "") -> None:
        self._told, self._span, self._region = told, span, region
        self._end = midnight(span.end)

    def contacts(self, value: Callable[[Event], Any]) -> Counter[Any]:
        """Contacts of the region in the span by something that the event says; nothing that has none of them."""
        return Counter(
            value(event)
            for event in self._told.events
            if self._span.holds(event.occurred_at) and is_contact(event) and self._is_here(event)
        )

    def asked(self) -> tuple[int, int]:
        """Asked back, and satisfied."""
        asked = [
            event.satisfied
            for event in self._told.events
            if event.satisfied is not None and self._span.holds(event.occurred_at) and self._is_here(event)
        ]
        return len(asked), sum(asked)

    def matters(self) -> dict[str, list[Event]]:
        """The events of each matter of the region up to the end, in order."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self._told.events:
            if event.occurred_at < self._end and event.matter and event.action != "heartbeat":
                found[event.matter].append(event)
        ordered = {matter: sorted(each, key=lambda e: (e.occurred_at, e.id)) for matter, each in found.items()}
        return {matter: each for matter, each in ordered.items() if self._is_here(each[0])}

    def rates(self) -> tuple[int, int, int, int]:
        """Registered, closed of them, assessed, answered of them."""
        registered = closed = assessed = answered = 0
        day = timedelta(hours=24)
        for each in self.matters().values():
            begun = each[0].occurred_at
            if self._span.holds(begun):
                registered += 1
                closed += is_closed(each)
            if self._span.holds(begun + day):
                assessed += 1
                first = next((event.occurred_at for event in each if event.action in ANSWERS), None)
                answered += first is not None and first <= begun + day
        return registered, closed, assessed, answered

    def open_units(self) -> Counter[str]:
        """Open matters by the unit that had them last."""
        return Counter(unit_of(each) for each in self.matters().values() if not is_closed(each))

    def overdue(self) -> set[str]:
        """Open matters about which an alert of what is owed stood open behind its date."""
        by_event = {event.id: event.matter for event in self._told.events}
        late = {
            by_event.get(last.evidence[0].id)
            for last in self.last_revisions().values()
            if last.kind == "obligation" and last.state in ("open", "acked") and last.due and last.due < self._end
        }
        return {matter for matter, each in self.matters().items() if matter in late and not is_closed(each)}

    def last_revisions(self) -> dict[str, Revision]:
        """What was said last of each alert before the end."""
        told = [each for each in self._told.revisions if each.detected_at < self._end and each.origin != "shadow"]
        return {each.alert_id: each for each in told}

    def opened(self) -> list[Revision]:
        """The last revision of each alert of the region that was opened in the span."""
        begun: dict[str, datetime] = {}
        for each in self._told.revisions:
            begun.setdefault(each.alert_id, each.detected_at)
        last = self.last_revisions().values()
        return [each for each in last if self._span.holds(begun[each.alert_id]) and self._is_of(each)]

    def _is_here(self, event: Event) -> bool:
        return (event.region or event.grid or "").startswith(self._region)

    def _is_of(self, revision: Revision) -> bool:
        place = revision.region.township or revision.region.county or ""
        return place.startswith(self._region)


def is_contact(event: Event) -> bool:
    """Not the contact that was made already."""
    return event.action == "received" and (event.link is None or event.link.type not in NO_CONTACT)


def is_closed(each: list[Event]) -> bool:
    """Closed, and not opened again after that."""
    closed = max((event.occurred_at for event in each if event.action == "closed"), default=None)
    again = max((event.occurred_at for event in each if event.action == "reopened"), default=None)
    return closed is not None and (again is None or again < closed)


def unit_of(each: list[Event]) -> str:
    """The unit that had a matter last."""
    return next((event.unit for event in reversed(each) if event.unit), "")
