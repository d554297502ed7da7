"""When people are reminded of an alert that nobody has acked, asked of the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grafana_macros import Range, expanded
from revisions import a_revision

from alerts.model import Revision, Route
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_schema import Retention
from connectors.clickhouse_writer import Pace
from connectors.embedded import Engine
from connectors.metrics import Metrics
from dashboards.reminders import reminders

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 20, 2, tzinfo=UTC)
DAY = 24 * 60
REMINDERS = {each.uid: each.sql for each in reminders()}
RED, YELLOW = "anlan-red-not-acked", "anlan-yellow-not-acked"
Step = tuple[int, str, str] | tuple[int, str, str, str]  # minutes ago, state, level, what mutes it

# of one red alert each, and whether somebody must be reminded of it
CASES: dict[str, tuple[list[Step], int]] = {
    "opened-red-16-minutes-ago": ([(16, "open", "red")], 1),
    "opened-red-14-minutes-ago": ([(14, "open", "red")], 0),
    "risen-a-minute-ago": ([(DAY, "open", "blue"), (1, "open", "red")], 0),
    "risen-16-minutes-ago": ([(DAY, "open", "blue"), (16, "open", "red")], 1),
    "more-evidence-since": ([(16, "open", "red"), (1, "open", "red")], 1),
    "opened-again-a-minute-ago": (
        [(3 * DAY, "open", "red"), (3 * DAY - 5, "acked", "red"), (2 * DAY, "closed", "red"), (1, "open", "red")],
        0,
    ),
    "opened-again-16-minutes-ago": ([(3 * DAY, "open", "red"), (2 * DAY, "closed", "red"), (16, "open", "red")], 1),
    "ack-expired-a-minute-ago": ([(DAY, "open", "red"), (DAY - 5, "acked", "red"), (1, "open", "red")], 0),
    "ack-expired-16-minutes-ago": ([(DAY, "open", "red"), (DAY - 5, "acked", "red"), (16, "open", "red")], 1),
    "acked": ([(DAY, "open", "red"), (1, "acked", "red")], 0),
    "closed": ([(DAY, "open", "red"), (1, "closed", "red")], 0),
    "silenced": ([(DAY, "open", "red", "silence:s")], 0),
    "inhibited-since": ([(DAY, "open", "red"), (1, "open", "red", "alert:a")], 0),
    "silence-over-a-minute-ago": ([(DAY, "open", "red", "silence:s"), (1, "open", "red")], 0),
    "silence-over-16-minutes-ago": ([(DAY, "open", "red", "silence:s"), (16, "open", "red")], 1),
    "not-as-high-any-more": ([(DAY, "open", "red"), (DAY - 5, "open", "yellow")], 0),
}


def _told(name: str, steps: list[Step]) -> Iterator[Revision]:
    for number, (minutes, state, level, *mutes) in enumerate(steps, 1):
        changes: dict[str, Any] = {"state": state, "level": level, "route": Route(muted_by=tuple(mutes))}
        yield a_revision(name, number, NOW - timedelta(minutes=minutes), **changes)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(tmp_path_factory.mktemp("reminded"))


def counted(engine: Engine, uid: str, name: str, steps: list[Step]) -> int:
    """What a reminder says of a pool with one alert."""
    database = name.replace("-", "_")
    with Pool(engine.dsn, database) as pool:
        pool.migrate(Retention(None, None, None, None, None))
        part = PoolSink(engine.dsn, Metrics(), database=database, pace=Pace(refresh_seconds=3_600)).build_part(
            "pool", "pool", None
        )
        part.write_batch([list(_told(name, steps))])
        part.close()
        [row] = pool.rows(expanded(REMINDERS[uid], {}, Range(NOW - timedelta(days=1), NOW)))
    return int(row["value"])


@pytest.mark.parametrize("name", CASES)
def test_somebody_is_reminded_of_a_red_alert_that_has_asked_for_an_ack_for_15_minutes(
    engine: Engine, name: str
) -> None:
    steps, wanted = CASES[name]

    assert counted(engine, RED, name, steps) == wanted


@pytest.mark.parametrize(("hours", "wanted"), [(11, 0), (13, 1)])
def test_a_yellow_alert_has_a_shift_from_its_rise_on(engine: Engine, hours: int, wanted: int) -> None:
    steps: list[Step] = [(3 * DAY, "open", "blue"), (60 * hours, "open", "yellow")]

    assert counted(engine, YELLOW, f"yellow-{hours}", steps) == wanted
