"""`anlan keys`: the secrets of the intake."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.table import Table

from alerts.local_time import local_time
from connectors.names import NAMES, Names
from connectors.pseudonym import key_line, load_keyring
from connectors.seal import write_keys
from dataflows.failures import said_plainly
from dataflows.history import console
from dataflows.installation import clock_of, names_seen
from dataflows.keyring_file import add_key, next_id, remove_key, require_older, require_unneeded
from dataflows.rule_paths import many
from dataflows.settings import Settings, load_settings, required
from dataflows.start import state_folder

_ALGORITHM = click.option(
    "--algorithm", type=click.Choice(["sha256", "sm3"]), default="sha256", show_default=True, help="Of the HMAC."
)
_CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="Settings of the flow, as a TOML file.")
_KEYRING = click.option(
    "--keyring", type=click.Path(exists=True, dir_okay=False), help="Its file; default: that of the settings."
)


@click.group()
def keys() -> None:
    """The secrets of the intake: keys of the pseudonyms, and the pair that seals raw rows."""


@keys.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--id", "key_id", default="k1", show_default=True, help="Name of the pseudonym key; tokens carry it.")
@_ALGORITHM
def make(folder: Path, key_id: str, algorithm: str) -> None:
    """Make fresh keys in FOLDER: keyring, seal.private and seal.public. Nothing is overwritten.

    Departments that send to Kafka get seal.public. Whoever holds the keyring can tell whose a token is.
    """
    with said_plainly():
        made = make_keys(folder, key_id, algorithm)
    for path in made:
        click.echo(path)


@keys.command()
@click.argument("keyring", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--id", "key_id", help="Name of the fresh key; default: the newest with the next number.")
@_ALGORITHM
def rotate(keyring: Path, key_id: str | None, algorithm: str) -> None:
    """Put a fresh key into KEYRING, above the others.

    The older ones stay until `anlan keys forget`: as long as both are held, windows go on over the change. Bring the
    file to every door of the installation, `anlan run` last, and start them again.
    """
    with said_plainly():
        name = key_id or next_id(load_keyring(keyring))
        add_key(keyring, key_line(name, "sm3" if algorithm == "sm3" else "sha256"))
    click.echo(f"{keyring} holds {', '.join(key.id for key in load_keyring(keyring).keys)}; start every door again")


@keys.command()
@_KEYRING
@_CONFIG
def show(keyring: str | None, config: str | None) -> None:
    """The keys that are held, and until when each is needed. No secret is shown."""
    with said_plainly():
        settings = _settings(keyring, config)
        ring, (held, count) = load_keyring(settings.keyring), names_seen(settings)
    known = {key.id: key for key in held}
    table = Table("key", "algorithm", "held by the flow since", "needed")
    for key in ring.keys:
        seen = known.get(key.id)
        since, until = (local_time(seen.held_us), seen.needed()) if seen else ("no flow has held it yet", "")
        table.add_row(key.id, key.algorithm, since, until)
    console().print(table)
    click.echo(f"{many(count, 'token')} of newer keys {'leads' if count == 1 else 'lead'} to a name of an older one")


@keys.command()
@click.argument("key_id", metavar="KEY")
@click.option("--now", "is_now", is_flag=True, help="Even if it is still needed: windows that hold it are cut in two.")
@click.option("--names", "with_names", is_flag=True, help="Forget the names of older keys, too: nobody keeps one.")
@_KEYRING
@_CONFIG
def forget(key_id: str, is_now: bool, with_names: bool, keyring: str | None, config: str | None) -> None:
    """Take KEY out of the keyring for good. The flow must stand still.

    Nothing here can then tell whose a token of it is, but for those who are still called by one: their names end by
    themselves when no rule can remember them. Destroy the copies, too: those at other doors, and those in backups.
    """
    with said_plainly():
        settings = _settings(keyring, config)
        with state_folder(settings) as folder:
            held, _ = names_seen(settings)
            require_older(load_keyring(settings.keyring), key_id)
            if not is_now:
                require_unneeded(held, key_id, clock_of(settings)())
            with Names(folder / NAMES, 0, clock_of(settings)) as names:
                remove_key(Path(settings.keyring), key_id)
                names.let_go(key_id)
                left = names.forget_all() if with_names else names.count()
    click.echo(f"`{key_id}` is forgotten; {many(left, 'name')} {'as well' if with_names else 'of older keys live on'}")


def _settings(keyring: str | None, config: str | None) -> Settings:
    settings = load_settings(config)
    if keyring:
        settings = msgspec.structs.replace(settings, keyring=keyring)
    required(settings, "keyring")
    return settings


def make_keys(folder: Path, key_id: str = "k1", algorithm: str = "sha256") -> tuple[Path, Path, Path]:
    """The keyring, the private and the public key of the seal, as new files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    keyring, private, public = (folder / name for name in ("keyring", "seal.private", "seal.public"))
    keyring.touch(mode=0o600, exist_ok=False)
    keyring.write_text(key_line(key_id, "sm3" if algorithm == "sm3" else "sha256") + "\n", encoding="utf-8")
    write_keys(private, public)
    return keyring, private, public
