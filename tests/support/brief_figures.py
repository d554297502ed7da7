"""The figures of a quiet day, for tests that change one thing of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors.clickhouse_brief import Bounds, Volumes
from connectors.clickhouse_brief_alerts import BriefAlert
from connectors.clickhouse_brief_matters import Rates, TopMatter, UnitLoad
from connectors.tables import load_tables
from dataflows.briefs.change import Rate
from dataflows.briefs.figures import Figures, Measured, PartRates
from dataflows.briefs.pen import Naming
from dataflows.briefs.period import Period, period_of

DAY = period_of("day", date(2026, 11, 20))
START = DAY.start_at.astimezone(UTC)
NAMING = Naming(
    {"hotline": "12345热线", "police": "公安110"}, {"hotline": "12345"}, {"rb.back": "办结后反弹"}, load_tables()
)


def figures(period: Period = DAY, **changes: Any) -> Figures:
    """Ten calls in one county, half of them answered; the pool reaches back for years."""
    now = measured(10)
    known: dict[str, Any] = {
        "period": period,
        "region": "",
        "bounds": Bounds(date(2020, 1, 1), period.end_at + timedelta(hours=1)),
        "now": now,
        "before": measured(8),
        "week_before": 5,
        "year_before": measured(20),
        "history": [(period.before, 8), (period, 10)],
        "hours": [0] * 9 + [10] + [0] * 14,
        "parts": {"620102": PartRates(now.closed, now.answered, now.asked)},
        "units": (),
        "levels": {},
        "top": (),
        "alerts": (),
        "supervised": (0, 0),
        "gaps": (),
        "not_judged": {"late": 0, "unread": 0},
        "silent": {},
        "heard": frozenset((*period.days, *period.before.days)),
    }
    return Figures(**known | changes)


def measured(contacts: int, part: str = "620102") -> Measured:
    """So many calls to the hotline about a service, in one place."""
    volumes = Volumes(contacts, {"hotline": contacts}, {"service": contacts}, {part: contacts})
    return Measured(volumes, Rates(contacts, contacts // 2, 4, 2), Rate(3, 4))


def load(unit: str, open_: int, overdue: int = 0) -> UnitLoad:
    """What a unit has open."""
    return UnitLoad(unit, open_, overdue, START - timedelta(days=1) if overdue else None)


def matter(**changes: Any) -> TopMatter:
    """A quarrel between neighbours that was told three times."""
    known: dict[str, Any] = {
        "matter": "5d1f0c9e-0000-5000-8000-000000000000",
        "county": "620102",
        "township": "620102001",
        "category": "dispute",
        "subcategory": "neighbour",
        "channels": ["hotline", "police"],
        "contacts": 3,
        "contacts_in_span": 1,
        "registered_at": START - timedelta(days=3),
        "unit": "",
        "is_closed": False,
        "is_answered": True,
        "level": "yellow",
    }
    return TopMatter(**known | changes)


def alert(after: timedelta = timedelta(hours=1), **changes: Any) -> BriefAlert:
    """An alert that was opened so long after the day began."""
    known: dict[str, Any] = {
        "alert_id": "a",
        "rule": "rb.back",
        "kind": "sequence",
        "state": "open",
        "reason": "opened",
        "level": "blue",
        "confidence": "confirmed",
        "opened_at": START + after,
        "red_at": None,
        "escalated_at": None,
        "next_level_at": None,
        "acked_at": None,
        "due": None,
        "disposition": "",
        "disposed_at": None,
        "county": "620102",
        "township": "620102001",
        "subcategory": "",
        "contacts": 2,
        "ratio": 0.0,
        "unit": "",
    }
    return BriefAlert(**known | changes)


def hours(number: float) -> datetime:
    """So long after the day began."""
    return START + timedelta(hours=number)
