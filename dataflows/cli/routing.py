"""`anlan routing`: the file that says who is told, looked at before it is used."""

from __future__ import annotations

from pathlib import Path

import click

from alerts.duration import format_duration, parse_duration
from connectors.calendars import load_calendars
from connectors.routing_file import ROUTING_FILE, load_routing
from dataflows.failures import said_plainly


@click.group()
def routing() -> None:
    """Who is told of an alert, what happens if nobody acks it, and who may do what."""


@routing.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=ROUTING_FILE)
def check(file: Path) -> None:
    """Read FILE (the shipped one without it) and say what it means; exits with 1 where something is wrong."""
    with said_plainly():
        found = load_routing(file, load_calendars())
    for name, chain in found.chains.items():
        steps = ", ".join(f"{step.to} {_when(step.after)}" for step in chain.steps)
        click.echo(f"chain {name}: {steps}; at most {chain.horizon}")
    click.echo(f"{len(found.routes)} routes, {len(found.inhibit)} inhibitions, {len(found.intervals)} intervals")
    for name, role in found.roles.items():
        click.echo(f"role {name}: {', '.join(role.may) or 'reads'}")


def _when(after: str) -> str:
    length = parse_duration(after)
    return f"after {format_duration(length)}" if length else "at once"
