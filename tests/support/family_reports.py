"""Reports about a few families for a flow that is run for real, and what must come of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from random import Random

from live_flow import read_log
from subscribing import RevisionReader

from alerts.desk.routing import Routing
from alerts.model import Event, PooledEvent, Revision, Slice
from alerts.pipeline import Pipeline
from connectors.calendars import load_calendars
from connectors.kafka import INTAKE_LOG, log_bounds
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, load_rules


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
    bounds = log_bounds(bootstrap, INTAKE_LOG)
    return _replayed(bootstrap, tuple(end for _, (_, end) in sorted(bounds.items())))


@lru_cache(maxsize=1)
def _replayed(bootstrap: str, ends: tuple[int, ...]) -> dict[tuple[str, int], str]:
    """Once for each state of the log: those who wait ask again and again."""
    channels = load_channels()
    calendars = load_calendars()
    routing, routing_of = load_routing(ROUTING_FILE, calendars), partial(Routing, calendars=calendars)
    known: dict[str, PooledEvent] = {}
    pipeline = Pipeline(
        load_rules([RULES_FOLDER], channels), channels, routing=routing, routing_of=routing_of,
        matters=lambda matters, before: [each for each in known.values() if each.matter in matters],
    )  # fmt: skip
    *records, (end, _) = read_log(bootstrap)
    drafts = []
    for at, record in records:
        routed, said = pipeline.take(Slice(at, [record] if record else []))
        known |= {each.event.id: each for each in routed.pooled}
        drafts += said
    drafts += pipeline.take(Slice(end, []))[1]
    return {(d.revision.alert_id, d.revision.revision): d.revision.content_hash for d in drafts}


def settled(reader: RevisionReader, bootstrap: str, said: list[Revision] | None = None) -> bool:
    """Does Redis know everything that the log says so far? What it has to say is read first, and put into `said`."""
    while found := reader.read():
        if said is not None:
            said += found
    last, known = dict(sorted(replayed(bootstrap))), reader.alerts()
    return all(alert in known and known[alert].revision >= n for alert, n in last.items())
