"""A pool that is made again from a long log: days whose tokens go by now are counted while they are there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from live_flow import LiveFlow

from alerts.model import Event
from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_schema import token_seconds
from dataflows.cli import main

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def call(number: int, days: int) -> Event:
    """A call of so many days ago, each of another person."""
    at = datetime.now(UTC).replace(hour=4, minute=number) - timedelta(days=days)
    return Event(f"e{days}-{number}", "hotline", "received", at, reporter=f"k1:{'abcdef'[number] * 20}", arrived_at=at)


def test_what_is_older_than_its_tokens_has_its_reporters_again(live_flow: LiveFlow, tmp_path: Path) -> None:
    calls = [call(number, days) for days in (800, 500, 10) for number in range(3)]
    (tmp_path / "past.jsonl").write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in calls))

    for words in (["ingest", str(tmp_path / "past.jsonl"), "--history"], ["restore", "pool"]):
        answer = CliRunner().invoke(main, words, env=live_flow.environment())
        assert answer.exit_code == 0, answer.output

    with Pool(live_flow.dsn) as pool:
        days = pool.rows(
            "SELECT contacts, reporters FROM agg_contacts_daily FINAL WHERE area_level = 'city' ORDER BY bucket"
        )
        assert pool.count_events() == 9
    assert [(day["contacts"], day["reporters"]) for day in days] == [(3, 3)] * 3
    client = PoolClient.open(live_flow.dsn)
    assert token_seconds(client) is not None
    client.close()
