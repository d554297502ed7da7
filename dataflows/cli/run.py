"""`anlan run`: the production flow."""

from __future__ import annotations

import click

from dataflows.failures import said_plainly
from dataflows.settings import load_settings


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
def run(config: str | None) -> None:
    """Run the production flow until SIGTERM: ways in, intake log, detection, Redis, Kafka and ClickHouse.

    Settings come from the file and from ANLAN_<NAME> in the environment, which wins. `keyring` and `seal_key`
    must be set; `anlan keys make FOLDER` makes them. Metrics are on 127.0.0.1:9464/metrics.
    """
    from dataflows.run import run as run_flow

    with said_plainly():
        run_flow(load_settings(config))
