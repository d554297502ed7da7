"""`anlan migrate`: bring the stores of an installation up to this release."""

from __future__ import annotations

import click

from dataflows.failures import said_plainly
from dataflows.rule_paths import many
from dataflows.settings import load_settings
from dataflows.upkeep.migration import changes, state_note


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be changed; change nothing.")
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
def migrate(dry_run: bool, config: str | None) -> None:
    """Bring topics and tables up to this release: everything is said first, then done. Run again, it does nothing.

    `anlan run` makes what is missing by itself; this is for who wants to see it before, or does it with other rights
    than the flow has. Make a backup first: there is no way back.
    """
    with said_plainly():
        settings = load_settings(config)
        found = list(changes(settings))
        for change in found:
            click.echo(f"would: {change.says}" if dry_run else change.says)
        if not dry_run:
            for change in found:
                change.make()
        note = state_note(settings)
    if note:
        click.echo(note)
    click.echo(f"{many(len(found), 'change')}{' to be made' if dry_run else ' made'}" if found else "up to date")
