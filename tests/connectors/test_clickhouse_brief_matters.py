"""What a brief asks about matters: the level beside one is that of an alert that stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from revisions import a_revision

from alerts.model import Event, PooledEvent, Revision
from connectors.clickhouse import Pool
from connectors.clickhouse_brief_matters import Moments, top_matters
from connectors.clickhouse_rows import columns_of

pytestmark = pytest.mark.integration

AT = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
DAY = Moments(AT - timedelta(hours=9), AT + timedelta(hours=15), "")


def call(number: int) -> PooledEvent:
    at = AT + timedelta(minutes=number)
    return PooledEvent(Event(f"hotline/{number}", "hotline", "received", at), "m", at, "test:1")


def revised(alert: str, level: str, *states: str) -> list[Revision]:
    """An alert about the matter, as it went on within the day."""
    return [
        a_revision(alert, number, AT + timedelta(minutes=number), level=level, level_max=level, state=state)
        for number, state in enumerate(states, 1)
    ]


@pytest.mark.parametrize("state", ["retracted", "merged"])
def test_an_alert_that_was_taken_back_gives_its_matter_no_level(pool_dsn: str, state: str) -> None:
    alerts = [*revised("a", "red", "open", state), *revised("b", "blue", "open", "closed")]
    with Pool(pool_dsn) as pool:
        pool._client.insert("events", *columns_of([call(0), call(1)]))
        pool._client.insert("alert_revisions", *columns_of(alerts))

        assert [each.level for each in top_matters(pool, DAY, 10)] == ["blue"]
        before = DAY._replace(end=AT + timedelta(minutes=2))
        assert [each.level for each in top_matters(pool, before, 10)] == ["red"]
