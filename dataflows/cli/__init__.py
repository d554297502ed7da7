"""The command line: `anlan`."""

from __future__ import annotations

import logging
import sys
from importlib import import_module

import click

COMMANDS = (
    "access", "alerts", "audit", "backup", "brief", "city", "deadletters", "demo", "digest", "doctor", "group",
    "ingest", "keys", "matters", "migrate", "replay", "restore", "routing", "rules", "run", "schema", "serve", "size",
    "tokens",
)  # fmt: skip
ELSEWHERE = {"tokens": "serve"}  # commands that have no module of their name


class Commands(click.Group):
    """Imports a command when it is asked for: what all of them import takes a second, and `run` needs half of it."""

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:
        """One of them."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"{__name__}.{ELSEWHERE.get(cmd_name, cmd_name)}"), cmd_name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
