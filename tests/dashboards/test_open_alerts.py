"""Which silences the duty desk shows, asked of the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from grafana_boards import CLICKHOUSE, committed, queries
from grafana_macros import Range, chosen, expanded

from alerts.model import Acted, AlertAction, Matchers, Silencing
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_schema import Retention
from connectors.clickhouse_writer import Pace
from connectors.embedded import Engine
from connectors.metrics import Metrics

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 20, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
OURS, ELSEWHERE = "620102", "620702"
BOARD = committed()["duty_desk"]
ASKED = {each.name: each.query["rawSql"] for each in queries(CLICKHOUSE) if "静默" in each.name}
LISTED, COUNTED = "duty_desk/生效中的静默/A", "duty_desk/静默/A"

RULE = Matchers(rule="rc.repeat-contact")
# what is silenced, from when to when, and of which county its row in the audit is
SILENCES = {
    "everywhere": (Silencing(RULE), HOUR, ""),
    "here": (Silencing(Matchers(region=OURS)), HOUR, OURS),
    "in-a-township-here": (Silencing(Matchers(region=f"{OURS}001")), HOUR, OURS),
    "elsewhere": (Silencing(Matchers(region=ELSEWHERE)), HOUR, ELSEWHERE),
    "an-alert-here": (Silencing(Matchers(alert_id="a")), HOUR, OURS),
    "an-alert-elsewhere": (Silencing(Matchers(alert_id="b")), HOUR, ELSEWHERE),
    "begun-as-wished": (Silencing(RULE, NOW - HOUR), HOUR, ""),
    "from-tomorrow-on": (Silencing(RULE, NOW + 24 * HOUR), 48 * HOUR, ""),
    "over": (Silencing(RULE), -HOUR, ""),
}
EVERY_COUNTY = {"everywhere", "begun-as-wished"}
HERE = {"here", "in-a-township-here", "an-alert-here"}
THERE = {"elsewhere", "an-alert-elsewhere"}


def _begun() -> Iterator[Acted]:
    for number, (name, (silence, ends, county)) in enumerate(SILENCES.items(), 1):
        at, until = NOW - 2 * HOUR, NOW + ends
        alert = silence.matchers.alert_id
        action = AlertAction(
            name, "silence", name, "supervisor", at, alert_id=alert, why="x", until=until, silence=silence
        )
        yield Acted(number, at, action, "done", "", 0, "", county, "")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    engine = Engine(tmp_path_factory.mktemp("silenced"))
    with Pool(engine.dsn) as pool:
        pool.migrate(Retention(None, None, None, None, None))
        part = PoolSink(engine.dsn, Metrics(), pace=Pace(refresh_seconds=3_600)).build_part("pool", "pool", None)
        part.write_batch([list(_begun())])
        part.close()
        yield pool


@pytest.mark.parametrize(
    ("county", "wanted"),
    [("%", EVERY_COUNTY | HERE | THERE), (OURS, EVERY_COUNTY | HERE), (ELSEWHERE, EVERY_COUNTY | THERE)],
    ids=["city", "our-county", "another-county"],
)
def test_silences_in_force_are_those_that_mute_alerts_of_the_county_now(
    pool: Pool, county: str, wanted: set[str]
) -> None:
    listed, [counted] = (
        pool.rows(expanded(ASKED[name], chosen(BOARD, county=county), Range(NOW - 24 * HOUR, NOW)))
        for name in (LISTED, COUNTED)
    )

    assert {row["actor"] for row in listed} == wanted
    assert counted["silences"] == len(wanted)
