"""The day, week or month that a brief is about, and those it is compared with. Days are those of Asia/Shanghai."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from connectors.clickhouse_brief import Span
from dataflows.history_origin import LOCAL

Kind = Literal["day", "week", "month"]
KINDS: tuple[Kind, ...] = ("day", "week", "month")
YEAR_OF_WEEKS = timedelta(weeks=52)


class Period(NamedTuple):
    """From the first day on, before the end; a week runs from Monday to Sunday."""

    kind: Kind
    first: date
    end: date

    @property
    def span(self) -> Span:
        """As the pool is asked about days."""
        return Span(self.first, self.end)

    @property
    def start_at(self) -> datetime:
        """The instant with which it begins."""
        return midnight(self.first)

    @property
    def end_at(self) -> datetime:
        """The instant with which it is over."""
        return midnight(self.end)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    @property
    def days(self) -> list[date]:
        """All its days."""
        return [self.first + timedelta(days=number) for number in range((self.end - self.first).days)]

    @property
    def number(self) -> int:
        """Which day, week (ISO) or month of its year it is."""
        return {
            "day": self.first.timetuple().tm_yday, "week": self.first.isocalendar().week, "month": self.first.month,
        }[self.kind]  # fmt: skip

    @property
    def year(self) -> int:
        """The year in which it is counted; a week belongs to the year of its Thursday."""
        return self.first.isocalendar().year if self.kind == "week" else self.first.year

    @property
    def before(self) -> Period:
        """The one before it (环比)."""
        return period_of(self.kind, self.first - timedelta(days=1))

    @property
    def week_before(self) -> Period:
        """The same span seven days before: for a day, the same weekday."""
        week = timedelta(days=7)
        return Period(self.kind, self.first - week, self.end - week)

    @property
    def year_before(self) -> Period | None:
        """The same one a year before (同比): the same date or month, for a week 52 weeks before; no 29 February."""
        if self.kind == "week":
            return period_of("week", self.first - YEAR_OF_WEEKS)
        try:
            return period_of(self.kind, self.first.replace(year=self.first.year - 1))
        except ValueError:
            return None

    def latest(self, count: int) -> list[Period]:
        """So many periods that end with this one, in order."""
        found = [self]
        while len(found) < count:
            found.append(found[-1].before)
        return found[::-1]


def period_of(kind: Kind, day: date) -> Period:
    """The day, week or month in which a day lies."""
    if kind == "day":
        return Period(kind, day, day + timedelta(days=1))
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(kind, monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Period(kind, first, (first + timedelta(days=31)).replace(day=1))


def last_complete(kind: Kind, known_until: datetime) -> Period:
    """The last period that was over when the pool heard last."""
    return period_of(kind, known_until.astimezone(LOCAL).date()).before


def midnight(day: date) -> datetime:
    """The instant at which a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL)
