"""Reports about a few families for a flow that is run for real, and what must come of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from live_flow import read_log

from alerts.desk.routing import Routing
from alerts.model import Event, Slice
from alerts.pipeline import Pipeline
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, load_rules
from connectors.subscriber import Subscriber


def family_reports(seed: int, count: int) -> list[Event]:
    """Reports of the last three weeks about a few families, in two counties."""
    rng = Random(seed)
    now = datetime.now(UTC)
    return [
        Event(
            id=f"e{seed}-{number}",
            channel=rng.choice(["grid", "hotline", "police"]),
            action="received",
            occurred_at=now - timedelta(minutes=rng.randrange(90)),
            reporter=f"k1:{'abcdefgh'[rng.randrange(8)] * 20}",
            pair=f"k1:{'klmnop'[rng.randrange(6)] * 20}",
            category="dispute",
            subcategory="family",
            region=rng.choice(["620102001", "620722100"]),
            violence=rng.randrange(4),
        )
        for number in range(count)
    ]


def replayed(bootstrap: str) -> dict[tuple[str, int], str]:
    """The hashes that the plain stages give for the intake log as it stands."""
    channels = load_channels()
    calendars = load_calendars()
    routing, routing_of = load_routing(ROUTING_FILE, calendars), partial(Routing, calendars=calendars)
    pipeline = Pipeline(load_rules([RULES_FOLDER], channels), channels, routing=routing, routing_of=routing_of)
    *records, (end, _) = read_log(bootstrap)
    drafts = []
    for at, record in records:
        drafts += pipeline.take(Slice(at, [record] if record else []))[1]
    drafts += pipeline.take(Slice(end, []))[1]
    return {(d.revision.alert_id, d.revision.revision): d.revision.content_hash for d in drafts}


def settled(reader: Subscriber, bootstrap: str) -> bool:
    """Does Redis know everything that the log says so far?"""
    last, known = dict(sorted(replayed(bootstrap))), reader.alerts()
    return all(alert in known and known[alert].revision >= n for alert, n in last.items())
