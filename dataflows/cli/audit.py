"""`anlan audit`: whether what people did stands in the pool as it was written."""

from __future__ import annotations

import sys

import click

from alerts.local_time import local_time
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_faults, first_row
from dataflows.failures import said_plainly
from dataflows.servers import pool_of
from dataflows.settings import load_settings


@click.group()
def audit() -> None:
    """What people did with alerts: every action, in order, chained by hash."""


@audit.command()
@click.option("--config", type=click.Path(dir_okay=False), help="Settings; without it the environment and defaults.")
def verify(config: str | None) -> None:
    """Hold the audit in ClickHouse against its own hashes.

    Exits with 1 where a row was changed, left out or put in, and says which. Rows that have had their time are gone
    and no fault; it says with which the audit begins.
    """
    with said_plainly():
        settings = load_settings(config)
        with Pool(pool_of(settings)) as pool:
            count, faults = audit_faults(pool)
            seq, at_us = first_row(pool)
    for fault in faults:
        click.echo(fault, err=True)
    if seq > 1:
        click.echo(f"begins with row {seq} of {local_time(at_us)}")
    click.echo(f"{count} rows, {len(faults)} faults")
    sys.exit(1 if faults else 0)
