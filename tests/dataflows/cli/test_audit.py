"""`anlan audit verify`: what has had its time is gone and no fault; what else is missing is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.desk.audit import Audit
from alerts.local_time import local_time
from alerts.model import Acted, AlertAction, to_us
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_client import PoolClient
from connectors.metrics import Metrics
from dataflows.cli import main

pytestmark = pytest.mark.integration

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)


def acted(ages: Sequence[int]) -> list[Acted]:
    """One row for each age in days, of somebody whose clock stands still."""
    audit, now = Audit(), datetime.now(UTC)
    return [
        audit.enter(
            AlertAction(f"a{age}", "note", "li", "duty", LONG_AGO), to_us(now - timedelta(days=age)), "done", "", None
        )
        for age in ages
    ]


def fill(dsn: str, rows: list[Acted]) -> None:
    """A pool with these rows, and without those that have had their time."""
    with Pool(dsn) as pool:
        pool.migrate()
    part = PoolSink(dsn, Metrics()).build_part("pool", "pool", None)
    part.write_batch([list(rows)])
    part.close()
    client = PoolClient.open(dsn)
    client.execute("OPTIMIZE TABLE alert_actions FINAL")
    client.close()


def verify(dsn: str, folder: Path) -> Result:
    config = folder / "anlan.toml"
    config.write_text(f'clickhouse = "{dsn}"\n', encoding="utf-8")
    return CliRunner().invoke(main, ["audit", "verify", "--config", str(config)])


def test_what_has_had_its_time_by_the_clock_of_the_log_is_no_fault(clickhouse_dsn: str, tmp_path: Path) -> None:
    rows = acted([1300, 1200, 1090, 800, 1])
    fill(clickhouse_dsn, rows)

    result = verify(clickhouse_dsn, tmp_path)

    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        f"begins with row 3 of {local_time(to_us(rows[2].at))}",
        "3 rows, 0 faults",
    ]


@pytest.mark.parametrize(("missing", "sentence"), [(0, "got 2 after 0"), (2, "got 4 after 2")])
def test_a_row_that_had_not_had_its_time_is_missed(
    clickhouse_dsn: str, tmp_path: Path, missing: int, sentence: str
) -> None:
    rows = acted([1060, 1050, 800, 1])
    del rows[missing]
    fill(clickhouse_dsn, rows)

    result = verify(clickhouse_dsn, tmp_path)

    assert result.exit_code == 1
    assert f"rows must be there one after the other; {sentence}" in result.output
    assert "3 rows, 1 faults" in result.output
