"""The figures of a backtest: what a desk would have had to read, rule by rule and day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from statistics import median

from msgspec import Struct

from alerts.model import LEVELS, Level, from_us
from alerts.rule import Rule
from dataflows.backtest import History
from dataflows.backtest_cases import Judged, judge
from dataflows.backtest_overlap import Overlap, overlaps
from dataflows.backtest_tally import AlertLine
from dataflows.city.planted import Case
from dataflows.city.when import DAY, HOUR, LOCAL, MINUTE, day_number
from dataflows.rule_load import RuleLoad

RED_A_DAY = 9  # what a duty desk of a city of four million can follow: single digits
Triple = tuple[int, int, int]  # blue, yellow, red


class RuleFigures(RuleLoad, frozen=True, kw_only=True):
    """One rule over the whole history. An alert counts once, with the highest level it reached."""

    zh: str
    en: str
    purpose: str
    is_shadow: bool
    weekly: tuple[Triple, ...]
    late: int
    unplanted: int  # alerts that have nothing of any case in their evidence
    found: int
    planted: int
    lead_us: int | None  # the median
    counties: Mapping[str, int]

    @property
    def highest(self) -> Level | None:
        """The highest level that it reached."""
        return max(
            (level for level, count in zip(LEVELS, self.levels, strict=True) if count), key=LEVELS.index, default=None
        )


class Report(Struct, frozen=True):
    """A backtest in figures."""

    first_day: date
    days: int
    events: Mapping[str, int]
    rules: Sequence[RuleFigures]
    daily: Sequence[Triple]  # alerts that reached their highest level on that day, shadow rules left out
    judged: Sequence[Judged]
    overlaps: Sequence[Overlap]

    @property
    def totals(self) -> Triple:
        """All alerts by level."""
        return _sum(self.daily)

    @property
    def most_red(self) -> int:
        """Red alerts of the worst day."""
        return max((day[2] for day in self.daily), default=0)

    @property
    def is_carried(self) -> bool:
        """Whether a duty desk can follow the red ones on an average day."""
        return self.totals[2] / self.days <= RED_A_DAY

    def counted(self, outcome: str) -> int:
        """How many cases came out like that."""
        return sum(one.outcome == outcome for one in self.judged)

    @property
    def ahead(self) -> float:
        """The part of the found cases in which an hour was won, or more."""
        leads = [one.lead_us for one in self.judged if one.lead_us is not None]
        return sum(lead >= HOUR for lead in leads) / len(leads) if leads else 0.0

    @property
    def lead_us(self) -> int | None:
        """The time won on a found case, as a rule."""
        return _median(self.judged)


def report(history: History, cases: Sequence[Case] = (), against: History | None = None) -> Report:
    """Work out the figures of a run, with its cases and with the run it is held against."""
    first = day_number(history.start_us)
    days = day_number(history.end_us) - first + 1
    ids = [rule.id for rule in history.rules]
    judged = judge(cases, history.alerts, ids)
    standing = [line for line in history.alerts if not line.is_gone]
    told = [line for line in standing if not line.is_shadow]
    return Report(
        first_day=from_us(history.start_us).astimezone(LOCAL).date(),
        days=days,
        events=dict(history.events.most_common()),
        rules=[_figures(rule, history, judged, first, days) for rule in history.rules],
        daily=_by_day(told, first, days),
        judged=judged,
        overlaps=overlaps(history.alerts, against.alerts) if against else (),
    )


def _figures(rule: Rule, history: History, judged: Sequence[Judged], first: int, days: int) -> RuleFigures:
    mine = [line for line in history.alerts if line.rule == rule.id]
    standing = [line for line in mine if not line.is_gone]
    cases = [one for one in judged if one.case.rule == rule.id and one.outcome != "not_judged"]
    daily = _by_day(standing, first, days)
    return RuleFigures(
        rule=rule.id,
        zh=rule.spec.title.zh,
        en=rule.spec.title.en,
        purpose=rule.spec.purpose,
        is_shadow=rule.spec.status == "shadow",
        levels=_sum(daily),
        weekly=tuple(_sum(daily[start : start + 7]) for start in range(0, days, 7)),
        days=days,
        retracted=len(mine) - len(standing),
        revisions=sum(line.revisions for line in mine),
        late=history.late[rule.id],
        unplanted=_unplanted(standing, cases),
        found=sum(one.outcome == "found" for one in cases),
        planted=len(cases),
        lead_us=_median(cases),
        counties=dict(Counter(line.county for line in standing if line.county).most_common()),
        budget=rule.spec.budget,
    )


def _unplanted(standing: Sequence[AlertLine], cases: Sequence[Judged]) -> int:
    about = frozenset(one.alert for one in cases)
    return sum(not line.known and line.id not in about for line in standing)


def _by_day(lines: Sequence[AlertLine], first: int, days: int) -> list[Triple]:
    counts = [[0, 0, 0] for _ in range(days)]
    for line in lines:
        day = min(max(day_number(line.raised_us) - first, 0), days - 1)
        counts[day][line.level] += 1
    return [(blue, yellow, red) for blue, yellow, red in counts]


def _sum(days: Sequence[Triple]) -> Triple:
    blue, yellow, red = (sum(day[level] for day in days) for level in range(3))
    return blue, yellow, red


def _median(cases: Sequence[Judged]) -> int | None:
    leads = [one.lead_us for one in cases if one.lead_us is not None]
    return int(median(leads)) if leads else None


def say_span(us: int | None) -> str:
    """A length of time in one unit: 3.5d, 7.0h, 12m; 0 below a minute; a dash where there is none."""
    if us is None:
        return "–"
    if abs(us) < MINUTE:
        return "0"
    for size, unit in ((DAY, "d"), (HOUR, "h")):
        if abs(us) >= size:
            return f"{us / size:.1f}{unit}"
    return f"{us / MINUTE:.0f}m"
