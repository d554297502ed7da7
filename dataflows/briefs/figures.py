"""Everything that a brief says, as numbers: asked of the pool once, before a word is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import dropwhile
from typing import NamedTuple

from connectors.clickhouse import Pool
from connectors.clickhouse_brief import (
    Bounds,
    Span,
    Volumes,
    asked_back,
    asked_back_by_part,
    bounds,
    by_day,
    by_hour,
    days_heard,
    silent_channels,
    volumes,
)
from connectors.clickhouse_brief_alerts import BriefAlert, Gap, alerts_of, gaps, not_judged, supervised
from connectors.clickhouse_brief_matters import (
    Moments,
    Rates,
    TopMatter,
    UnitLoad,
    open_by_unit,
    rates,
    rates_by_part,
    top_matters,
    unit_levels,
)
from dataflows.briefs.change import Rate, Reason
from dataflows.briefs.period import Period

HISTORY = 30  # periods in the plot
TOP_MATTERS = 10
HEARD_BEFORE = timedelta(days=30)  # a channel that was heard so long before is missed


class Measured(NamedTuple):
    """A region in a period, as it stood at its end."""

    volumes: Volumes
    rates: Rates
    asked: Rate  # satisfied of those asked back

    @property
    def closed(self) -> Rate:
        """办结率: of those registered in the period, how many were closed at its end."""
        return Rate(self.rates.closed, self.rates.registered)

    @property
    def answered(self) -> Rate:
        """响应率: of those whose first 24 hours ended in the period, how many met somebody in them."""
        return Rate(self.rates.answered, self.rates.assessed)


class PartRates(NamedTuple):
    """The rates of a county or township."""

    closed: Rate
    answered: Rate
    asked: Rate


class Figures(NamedTuple):
    """The numbers of a brief. What there is nothing to compare with has a reason instead."""

    period: Period
    region: str
    bounds: Bounds
    now: Measured
    before: Measured | Reason
    week_before: int | Reason  # contacts of the same weekday; of a day only
    year_before: Measured | Reason
    history: Sequence[tuple[Period, int | None]]  # nothing where not every day was heard of
    hours: Sequence[int]
    parts: Mapping[str, PartRates]
    units: Sequence[UnitLoad]
    levels: Mapping[str, int]
    top: Sequence[TopMatter]
    alerts: Sequence[BriefAlert]
    supervised: tuple[int, int]
    gaps: Sequence[Gap]
    not_judged: Mapping[str, int]
    silent: Mapping[str, datetime]
    heard: frozenset[date]  # days of the period, and of all it is compared with, that anything is known of

    @property
    def is_over(self) -> bool:
        """Had the pool heard of what came after the period?"""
        until = self.bounds.arrived_until
        return until is not None and until >= self.period.end_at

    @property
    def days_missing(self) -> int:
        """On how many days of the period, as far as it is over, nothing arrived from anywhere."""
        return len([day for day in self.period.days if day not in self.heard]) if self.is_over else 0

    @property
    def is_empty(self) -> bool:
        """Nothing came in, and nothing is open."""
        return not (self.now.volumes.contacts or self.units or self.alerts)


def gather(pool: Pool, period: Period, region: str) -> Figures:
    """Ask the pool for everything that a brief of this period and region says."""
    known, at = bounds(pool), _moments(period, region)
    heard = _heard(pool, period)
    week_before = _comparable(period, period.week_before, known, heard)
    return Figures(
        period=period,
        region=region,
        bounds=known,
        now=_measured(pool, period, region),
        before=_beside(pool, period, period.before, region, known, heard),
        week_before=week_before or volumes(pool, period.week_before.span, region).contacts,
        year_before=_beside(pool, period, period.year_before, region, known, heard),
        history=_history(pool, period, region, heard),
        hours=_hours(pool, period, region),
        parts=_part_rates(pool, period, region) if len(region) < 9 else {},
        units=open_by_unit(pool, at),
        levels=unit_levels(pool),
        top=top_matters(pool, at, TOP_MATTERS),
        alerts=alerts_of(pool, at),
        supervised=supervised(pool, at),
        gaps=gaps(pool, at),
        not_judged=not_judged(pool, at),
        silent=silent_channels(pool, period.span, Span(period.first - HEARD_BEFORE, period.first)),
        heard=heard,
    )


def _heard(pool: Pool, period: Period) -> frozenset[date]:
    """The days that anything is known of, in the plot and a year before."""
    spans = [Span(period.latest(HISTORY)[0].first, period.end)]
    if period.year_before is not None:
        spans.append(period.year_before.span)
    return frozenset().union(*(days_heard(pool, span) for span in spans))


def _comparable(period: Period, other: Period | None, known: Bounds, heard: frozenset[date]) -> Reason | None:
    """Why a period cannot be compared with another one; nothing where it can."""
    if other is None:
        return "no_such_day"
    if not heard.issuperset(other.days):
        return "no_data"
    if known.arrived_until is None or known.arrived_until < period.end_at:
        return "not_over"
    return None


def _beside(
    pool: Pool, period: Period, other: Period | None, region: str, known: Bounds, heard: frozenset[date]
) -> Measured | Reason:
    reason = _comparable(period, other, known, heard)
    return reason or _measured(pool, other or period, region)


def _measured(pool: Pool, period: Period, region: str) -> Measured:
    asked, satisfied = asked_back(pool, period.span, region)
    return Measured(
        volumes(pool, period.span, region), rates(pool, _moments(period, region)), Rate(satisfied, asked)
    )  # fmt: skip


def _moments(period: Period, region: str) -> Moments:
    return Moments(period.start_at, period.end_at, region)


def _history(pool: Pool, period: Period, region: str, heard: frozenset[date]) -> list[tuple[Period, int | None]]:
    """Contacts of the latest periods, from the first on of which every day was heard of; this one as it is."""
    periods = period.latest(HISTORY)
    numbers = by_day(pool, Span(periods[0].first, period.end), region)
    found = [
        (each, sum(numbers.get(day, 0) for day in each.days) if each == period or heard.issuperset(each.days) else None)
        for each in periods
    ]
    return list(dropwhile(lambda each: each[1] is None, found))


def _hours(pool: Pool, period: Period, region: str) -> list[int]:
    found = by_hour(pool, period.span, region)
    return [found.get(hour, 0) for hour in range(24)]


def _part_rates(pool: Pool, period: Period, region: str) -> dict[str, PartRates]:
    asked = asked_back_by_part(pool, period.span, region)
    found = rates_by_part(pool, _moments(period, region))
    return {part: _rates_of(found.get(part, Rates()), asked.get(part, (0, 0))) for part in {*asked, *found}}


def _rates_of(each: Rates, asked: tuple[int, int]) -> PartRates:
    return PartRates(Rate(each.closed, each.registered), Rate(each.answered, each.assessed), Rate(asked[1], asked[0]))
