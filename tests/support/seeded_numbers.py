"""The numbers of boards, counted in plain Python from what went into a seeded city: another way than SQL."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property
from statistics import median
from typing import Any, NamedTuple

from seeded_city import Seeded

from alerts.model import Acted, PooledEvent, Revision
from connectors.clickhouse_rows import areas

LOCAL = timezone(timedelta(hours=8))
NO_CONTACT = {"transfer", "referral", "callback", "duplicate"}
ANSWERED = {"started", "replied", "visited", "resolved", "closed"}
RANKS = {"blue": 1, "yellow": 2, "red": 3}
Row = dict[str, Any]


class Chosen(NamedTuple):
    """What somebody has chosen on a board; nothing is all."""

    since: datetime
    until: datetime
    county: str = ""
    channels: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day here."""
        return local_day(self.since), local_day(self.until)


def local_day(at: datetime) -> date:
    return at.astimezone(LOCAL).date()


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL).astimezone(UTC)


def year_before(day: date) -> date:
    return day.replace(year=day.year - 1)


class Contact(NamedTuple):
    """One contact, as far as it is counted."""

    at: datetime
    county: str
    township: str
    channel: str
    category: str


class Judged(NamedTuple):
    """A matter, or a person asked back, and whether it is one of the good ones (`good`) of all (`of`)."""

    day: date
    county: str
    township: str
    channel: str
    category: str
    good: int
    of: int


class Standing(NamedTuple):
    """An alert up to some time: its last revision, all of them, and when it was opened."""

    last: Revision
    revisions: tuple[Revision, ...]
    opened: datetime

    def row(self) -> Row:
        region = self.last.region
        return {
            "level": self.last.level, "rule": self.last.rule, "said": self.last.text.zh, "state": self.last.state,
            "county": region.county or "", "township": region.township or "", "alert_id": self.last.alert_id,
        }  # fmt: skip


class Ground:
    """What is the same for every choice, worked out once: events, contacts, matters, people asked back."""

    def __init__(self, seeded: Seeded) -> None:
        self.seeded = seeded
        self.events = list({each.event.id: each for each in seeded.events}.values())  # each as it was said last
        self.newest = max(each.event.occurred_at for each in self.events)
        self.last_day = local_day(self.newest)
        self.contacts = [_contact(each) for each in self.events if is_contact(each)]
        self.by_part = Counter((c.category, local_day(c.at), c.county) for c in self.contacts)
        self.closings = Counter(
            (local_day(each.event.occurred_at), areas(each.event)[0])
            for each in self.events
            if each.event.action == "closed"
        )
        self.days = {local_day(each.event.occurred_at) for each in self.events}
        matters: dict[str, list[PooledEvent]] = defaultdict(list)
        for each in sorted(self.events, key=lambda each: (each.event.occurred_at, each.event.id)):
            matters[each.matter].append(each)
        self.matters = {name: parts for name, parts in matters.items() if name}
        self.judged = {"closing": list(self._closing()), "response": list(self._response()),
                       "satisfaction": list(self._satisfaction())}  # fmt: skip

    def _closing(self) -> Iterator[Judged]:
        for parts in self.matters.values():
            closed, reopened = (_last(parts, action) for action in ("closed", "reopened"))
            is_closed = closed is not None and (reopened is None or reopened < closed)
            yield _judged(parts[0], is_closed, 1)

    def _response(self) -> Iterator[Judged]:
        for parts in self.matters.values():
            had = parts[0].event.occurred_at + timedelta(hours=24)
            met = next((e.event.occurred_at for e in parts if e.event.action in ANSWERED), None)
            in_time = met is not None and met <= had
            yield _judged(parts[0], in_time, int(in_time or had < self.newest))

    def _satisfaction(self) -> Iterator[Judged]:
        for each in self.events:
            if each.event.satisfied is not None:
                yield _judged(each, each.event.satisfied, 1)


class Numbers:
    """All numbers of one choice."""

    def __init__(self, ground: Ground, chosen: Chosen) -> None:
        self.ground = ground
        self.seeded = ground.seeded
        self.chosen = chosen

    # events

    def contacts(self, *, narrowed: bool = True) -> Iterator[Contact]:
        """Those that count, in the chosen county; `narrowed` to the chosen channels and categories."""
        return (
            found
            for found in self.ground.contacts
            if self._is_here(found.county) and not (narrowed and self._is_left_out(found.channel, found.category))
        )

    def _is_here(self, county: str | None) -> bool:
        return not self.chosen.county or county == self.chosen.county

    def _is_left_out(self, channel: str, category: str) -> bool:
        chosen = self.chosen
        return bool(chosen.channels and channel not in chosen.channels) or self._other(category)

    def _other(self, category: str) -> bool:
        return bool(self.chosen.categories and (category or "unknown") not in self.chosen.categories)

    def compared(self, by: Callable[[Contact], str] = lambda _: "") -> dict[str, Row]:
        """Contacts in the days, before, and a year before, by something."""
        first, last = self.chosen.days
        length = (last - first).days + 1
        spans = {
            "contacts": (first, last),
            "before": (first - timedelta(days=length), first - timedelta(days=1)),
            "year_before": (year_before(first), year_before(last)),
        }
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for contact in self.contacts():
            day = local_day(contact.at)
            for name, (begin, end) in spans.items():
                if begin <= day <= end:
                    counts[by(contact)][name] += 1
        return {key: _with_changes({name: count[name] for name in spans}) for key, count in counts.items()}

    def hourly(self) -> Counter[tuple[datetime, str]]:
        """Contacts by hour and county, whatever is chosen but the county."""
        return Counter((_hour(c.at), c.county) for c in self.contacts(narrowed=False))

    # matters

    def rate(self, name: str, keep: Callable[[Judged], bool], *, narrowed: bool = True) -> tuple[int, int]:
        """The good ones and all of a rate, of what `keep` keeps."""
        good = of = 0
        for each in self.ground.judged[name]:
            if keep(each) and not (narrowed and self._is_off(name, each)):
                good, of = good + each.good, of + each.of
        return good, of

    def _is_off(self, name: str, each: Judged) -> bool:
        """A person is asked back on a channel; a matter has several."""
        return self._is_left_out(each.channel, each.category) if name == "satisfaction" else self._other(each.category)

    def in_days(self, each: Judged) -> bool:
        """Is it among the chosen days, and in the chosen county?"""
        return self.is_chosen(each.day, each.county)

    def is_chosen(self, day: date, county: str) -> bool:
        """Are they among the chosen days, and the chosen county?"""
        first, last = self.chosen.days
        return first <= day <= last and self._is_here(county)

    # alerts

    @cached_property
    def standing(self) -> list[Standing]:
        """Every alert up to now, shadows as well."""
        found: dict[str, list[Revision]] = defaultdict(list)
        for revision in self.seeded.revisions:
            if revision.published_at <= self.chosen.until:
                found[revision.alert_id].append(revision)
        return [Standing(many[-1], tuple(many), many[0].published_at) for many in found.values()]

    def told(self) -> list[Standing]:
        """Those that people are told of, in the chosen county."""
        return [a for a in self.standing if a.last.origin != "shadow" and self._is_here(a.last.region.county)]

    def open(self) -> list[Standing]:
        """Those of them that are open, the most urgent and then the oldest first."""
        found = [a for a in self.told() if a.last.state in ("open", "acked")]
        return sorted(found, key=lambda a: (-RANKS[a.last.level], a.opened, a.last.alert_id))

    def opened(self) -> list[Standing]:
        """Those opened in the range, shadows as well, of whatever county."""
        return [a for a in self.standing if a.opened >= self.chosen.since]

    def age(self, alert: Standing) -> int:
        """How long it is open, in whole seconds as the server counts them."""
        return int(self.chosen.until.timestamp()) - int(alert.opened.timestamp())

    def waited(self, alert: Standing) -> int:
        """How long its revisions ask for an ack at this level without a break; 0 where the last asks for none."""
        asking = itertools.takewhile(
            lambda r: r.state == "open" and RANKS[r.level] >= RANKS[alert.last.level] and not r.route.muted_by,
            reversed(alert.revisions),
        )
        since = min((r.published_at for r in asking), default=self.chosen.until)
        return int(self.chosen.until.timestamp()) - int(since.timestamp())

    # people

    @cached_property
    def acted(self) -> list[Acted]:
        return [row for row in self.seeded.acted if row.at <= self.chosen.until]

    def done(self, action: str) -> dict[str, list[Acted]]:
        """What people did of one sort, by alert, in order."""
        found: dict[str, list[Acted]] = defaultdict(list)
        for row in self.acted:
            if row.verdict == "done" and row.action.action == action:
                found[row.action.alert_id].append(row)
        return found

    @property
    def shift_start(self) -> datetime:
        """Eight in the morning or in the evening."""
        here = self.chosen.until.astimezone(LOCAL)
        start = here.replace(hour=8, minute=0, second=0, microsecond=0)
        if here.hour < 8:
            return start - timedelta(hours=12)
        return start + timedelta(hours=12) if here.hour >= 20 else start


def _with_changes(row: Row) -> Row:
    changes = {"change": row["before"], "year_change": row["year_before"]}
    return row | {name: row["contacts"] / base - 1 if base else None for name, base in changes.items()}


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def is_contact(each: PooledEvent) -> bool:
    event = each.event
    return event.action == "received" and not (event.link and event.link.type in NO_CONTACT)


def _contact(each: PooledEvent) -> Contact:
    event = each.event
    county, township, _ = areas(event)
    return Contact(event.occurred_at, county, township, event.channel, event.category or "")


def _judged(each: PooledEvent, is_good: bool, of: int) -> Judged:
    event = each.event
    county, township, _ = areas(event)
    return Judged(local_day(event.occurred_at), county, township, event.channel, event.category or "", int(is_good), of)


def _last(parts: Sequence[PooledEvent], action: str) -> datetime | None:
    return max((each.event.occurred_at for each in parts if each.event.action == action), default=None)


def middle(values: Iterable[float]) -> float | None:
    """The median; of an even number the mean of the two in the middle. Nothing of nothing."""
    found = list(values)
    return median(found) if found else None


def upper_middle(values: Sequence[int]) -> int:
    """The median as one of the values: of an even number the greater of the two in the middle."""
    return sorted(values)[len(values) // 2]
