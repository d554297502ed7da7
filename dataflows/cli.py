"""The command line: `anlan`."""

from __future__ import annotations

import logging
import sys

import click

from dataflows.cli_access import access
from dataflows.cli_alerts import alerts
from dataflows.cli_audit import audit
from dataflows.cli_city import city
from dataflows.cli_deadletters import deadletters
from dataflows.cli_demo import demo
from dataflows.cli_digest import digest
from dataflows.cli_ingest import ingest
from dataflows.cli_keys import keys
from dataflows.cli_replay import replay
from dataflows.cli_routing import routing
from dataflows.cli_rules import rules
from dataflows.cli_run import run
from dataflows.cli_schema import schema
from dataflows.cli_serve import serve, tokens


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="anlan")
@click.option("-v", "--verbose", is_flag=True, help="Say what goes on, not only what goes wrong.")
def main(verbose: bool) -> None:
    """安澜 Anlan: a city's reports joined into matters, and the alerts that follow.

    \b
    First minute:   anlan demo
    Real export:    anlan replay export.csv --mapping mapping.yaml
    A rule's tests: anlan rules test alerts/rules
    Production:     anlan run --config anlan.toml
    """
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")


for command in (
    *(demo, run, serve, replay, alerts, rules, routing, digest, audit),
    *(ingest, deadletters, keys, tokens, access, city, schema),
):
    main.add_command(command)
