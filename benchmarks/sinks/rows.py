"""What goes into the sinks: events in their matters, revisions of alerts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

from alerts.model import PooledEvent, Region, Revision, Route, Text, from_us
from benchmarks.state.people import START_US, report
from connectors.clickhouse_rows import Poolable

COUNTIES = 8
STEP_US = 1_000_000


def pooled(count: int) -> Iterator[Poolable]:
    """Events of as many people, one a second."""
    for number in range(count):
        arrival = report(number, number, START_US + number * STEP_US)
        event = arrival.event
        assert event.arrived_at is not None
        yield PooledEvent(event, str(uuid.UUID(int=number)), event.arrived_at, arrival.source)


def revisions(first: int, count: int) -> list[Revision]:
    """The first revision of as many alerts, each in the feed of its county; places in the feeds go on from `first`."""
    return [_revision(number) for number in range(first, first + count)]


def _revision(number: int) -> Revision:
    at = from_us(START_US) + timedelta(seconds=number)
    county = f"6201{number % COUNTIES:02}"
    return Revision(
        alert_id=str(uuid.UUID(int=number + 1)),
        revision=1,
        rule="rc.repeat-contact",
        rule_version=1,
        rule_generation=1,
        semantic_hash="0123456789abcdef",
        kind="threshold",
        purpose="service-quality",
        episode=1,
        state="open",
        reason="opened",
        level="blue",
        level_max="blue",
        key={"reporter": f"k1:person{number:016}", "matter": str(uuid.UUID(int=number))},
        count=3,
        first_occurred_at=at - timedelta(days=3),
        last_occurred_at=at,
        matched_at=at,
        detected_at=at,
        published_at=at,
        region=Region(county=county, township=f"{county}001"),
        route=Route(feed=f"alerts:{county}"),
        text=Text(
            zh="7天内第3次反映同一事项（邻里），经12345、网格",
            en="contact 3 within 7d about one matter via 12345, grid",
        ),
        content_hash=f"{number:064x}",
        engine_epoch=1,
        feed_seq=number + 1,
        feed_seqs={f"alerts:{county}": number + 1},
    )
