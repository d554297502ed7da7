"""`anlan group`: the production flow on several hosts."""

from __future__ import annotations

import click

from dataflows.failures import said_plainly
from dataflows.settings import load_settings
from dataflows.stopping import stopped_by_signals


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
def group(config: str | None) -> None:
    """Run this host's part of a flow that several hosts share, until SIGTERM.

    Run it on every host, with the same settings but for `group_host` and `group_address`. Hosts may come and go: the
    flow goes on from the last snapshot with those that are there. `state` must be a folder that all of them share.
    """
    from dataflows.group.supervisor import LEAVING_SECONDS, supervise

    with said_plainly():
        settings = load_settings(config)
        seconds = settings.group_lease_seconds + settings.stop_seconds + LEAVING_SECONDS
        with stopped_by_signals(seconds) as stop:
            supervise(settings, config, stop)
