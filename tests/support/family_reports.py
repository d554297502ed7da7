"""Reports about a few families for a flow that is run for real, and what must come of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from live_flow import read_log

from alerts.model import Event, Slice
from alerts.pipeline import Pipeline
from connectors.redis import AlertReader
from connectors.registry import load_channels
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
    channels = load_channels()
    pipeline = Pipeline(load_rules([RULES_FOLDER], channels), channels)
    *records, (end, _) = read_log(bootstrap)
    drafts = []
    for at, record in records:
        drafts += pipeline.take(Slice(at, [record] if record else []))[1]
    drafts += pipeline.take(Slice(end, []))[1]
    return {(d.revision.alert_id, d.revision.revision): d.revision.content_hash for d in drafts}


def settled(reader: AlertReader, bootstrap: str) -> bool:
    """Does Redis know everything that the log says so far?"""
    last = dict(sorted(replayed(bootstrap)))
    return all(alert in reader.alerts and reader.alerts[alert].revision >= n for alert, n in last.items())
