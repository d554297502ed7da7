"""`anlan serve` and `anlan tokens`: the service for people and systems, and who may ask it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from dataflows.failures import said_plainly
from dataflows.settings import load_settings


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
def serve(config: str | None) -> None:
    """Answer people and systems over HTTP until SIGTERM: alerts, feeds, actions, silences, audit.

    `api_tokens` must name the file of tokens, for which `anlan tokens make` makes the entries, or `oidc_issuer` the
    OpenID Connect issuer with which people sign in. The service listens on 127.0.0.1:8090; what it can do is described
    at /openapi.json. Metrics are on 127.0.0.1:9465/metrics.
    """
    from dataflows.api.powers import load_routing
    from dataflows.api.server import serve as serve_until_stopped

    with said_plainly():
        settings = load_settings(config)
        serve_until_stopped(settings, load_routing(settings.routing))


@click.group()
def tokens() -> None:
    """Who may ask the service."""


@tokens.command()
@click.option("--name", required=True, help="Who bears it; stands in the audit as who acted.")
@click.option("--role", required=True, help="A role of the routing, such as `duty.county` or `supervisor`.")
@click.option("--region", default="", help="Code of their county, township or village; none is the whole city.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The day (UTC) on which it opens nothing any more.")
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="File of tokens to add the entry to.")
def make(name: str, role: str, region: str, expires: datetime | None, file: Path | None) -> None:
    """Make a token. It is shown this once; the entry for the file of tokens holds only its hash.

    With --file the entry is added to that file, which is made where it is missing; else it is shown.
    """
    from dataflows.api.powers import load_routing, require_role
    from dataflows.api.tokens import add_entry, make_token

    with said_plainly():
        require_role(load_routing(), role)
        token, entry = make_token(name, role, region, expires and expires.replace(tzinfo=UTC))
        if file is not None:
            add_entry(file, entry)
    click.echo(f"token, shown this once:\n  {token}")
    if file is None:
        click.echo(f"\nentry under `tokens:` in the file:\n{entry}")
