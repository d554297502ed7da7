"""`anlan keys`: the secrets of the intake."""

from __future__ import annotations

from pathlib import Path

import click

from connectors.pseudonym import key_line
from connectors.seal import write_keys
from dataflows.failures import said_plainly


@click.group()
def keys() -> None:
    """The secrets of the intake: keys of the pseudonyms, and the pair that seals raw rows."""


@keys.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--id", "key_id", default="k1", show_default=True, help="Name of the pseudonym key; tokens carry it.")
@click.option("--algorithm", type=click.Choice(["sha256", "sm3"]), default="sha256", show_default=True)
def make(folder: Path, key_id: str, algorithm: str) -> None:
    """Make fresh keys in FOLDER: keyring, seal.private and seal.public. Nothing is overwritten.

    Departments that send to Kafka get seal.public. Whoever holds the keyring can tell whose a token is.
    """
    with said_plainly():
        made = make_keys(folder, key_id, algorithm)
    for path in made:
        click.echo(path)


def make_keys(folder: Path, key_id: str = "k1", algorithm: str = "sha256") -> tuple[Path, Path, Path]:
    """The keyring, the private and the public key of the seal, as new files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    keyring, private, public = (folder / name for name in ("keyring", "seal.private", "seal.public"))
    keyring.touch(mode=0o600, exist_ok=False)
    keyring.write_text(key_line(key_id, "sm3" if algorithm == "sm3" else "sha256") + "\n", encoding="utf-8")
    write_keys(private, public)
    return keyring, private, public
