"""`anlan backup`: the state and the pool as files, and whether such files are whole."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from alerts.local_time import local_time
from dataflows.failures import said_plainly
from dataflows.rule_paths import many
from dataflows.settings import load_settings, required
from dataflows.upkeep.backup import KEYRING, SEAL_KEY, make_backup
from dataflows.upkeep.manifest import Manifest, faults, read_manifest

FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def backup() -> None:
    """Backups of the state of the flow and of the data pool. `anlan restore pool --from FOLDER` puts one back.

    The intake log and the alerts are in Kafka, which keeps copies of its own; Redis follows from both.
    """


@backup.command()
@FOLDER
@click.option(
    "--with", "secrets", multiple=True, type=click.Choice([KEYRING, SEAL_KEY]),
    help="Put this secret into it, too. Who holds the keyring and the pool can tell whose a token is.",
)  # fmt: skip
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
def make(folder: Path, secrets: tuple[str, ...], config: str | None) -> None:
    """Write a backup into FOLDER, which must be new or empty. The flow may run.

    Only the flow's embedded ClickHouse engine must not: stop it first. Keys are not in a backup unless asked for by
    --with: keep each of them in a place of its own.
    """
    with said_plainly():
        settings = load_settings(config)
        required(settings, "keyring", "seal_key")
        manifest = make_backup(settings, folder, secrets, lambda name, rows: click.echo(f"{name:<40} {rows:>10,} rows"))
    _say(manifest)
    for name in (KEYRING, SEAL_KEY):
        if name not in manifest.secrets:
            click.echo(f"not in it: the {name}; keep it elsewhere, and apart from the other", err=True)


@backup.command()
@FOLDER
def verify(folder: Path) -> None:
    """Read every file of the backup in FOLDER and hold it against the manifest. Exits with 1 where one differs."""
    with said_plainly():
        manifest = read_manifest(folder)
        found = list(faults(folder, manifest))
    for fault in found:
        click.echo(fault, err=True)
    _say(manifest)
    click.echo(f"{many(len(manifest.parts), 'file')}, {many(len(found), 'fault')}")
    sys.exit(1 if found else 0)


def _say(manifest: Manifest) -> None:
    rows = sum(manifest.rows().values())
    click.echo(
        f"{rows:,} rows of {many(len(manifest.rows()), 'table')}; stands at {local_time(manifest.clock_us)} of the log,"
        f" feed up to place {manifest.feed_seq:,}; release {manifest.release}"
    )
