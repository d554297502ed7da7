"""Changes to the file of a keyring: written anew and put in place at once, so that no crash leaves half a key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from connectors.names import HeldKey
from connectors.pseudonym import Keyring, load_keyring

_NUMBERED = re.compile(r"(.*?)(\d+)")


def next_id(keyring: Keyring) -> str:
    """The name of the newest key with the next number. Raises `ValueError` where it has none."""
    newest = keyring.keys[0].id
    found = _NUMBERED.fullmatch(newest)
    if found is None:
        raise ValueError(f"the newest key must end in a number; got `{newest}`; name the next one with --id")
    return f"{found[1]}{int(found[2]) + 1}"


def add_key(path: Path, line: str) -> None:
    """Put the line of a key above the others. Raises `ValueError` where the file would not be a keyring."""
    _write(path, [line, *_lines(path)])


def remove_key(path: Path, key_id: str) -> None:
    """Take the line of a key away."""
    _write(path, [line for line in _lines(path) if line.split()[:1] != [key_id]])


def require_older(keyring: Keyring, key_id: str) -> None:
    """Raise `ValueError` unless a key is held and is not the newest."""
    newest, *older = [key.id for key in keyring.keys]
    if key_id not in older:
        got = "the newest, which makes the tokens" if key_id == newest else f"`{key_id}`"
        raise ValueError(f"a key that is forgotten must be one of the older ones of the keyring; got {got}")


def require_unneeded(held: Iterable[HeldKey], key_id: str, now_us: int) -> None:
    """Raise `ValueError` unless a flow has held the key after this one for as long as a rule may remember anybody."""
    key = next((key for key in held if key.id == key_id), None)
    if key is None or key.needed_us is None or now_us < key.needed_us:
        until = "until `anlan run` has held it and a newer one for long enough" if key is None else key.needed()
        raise ValueError(
            f"`{key_id}` must be held {until}, or windows are cut in two; got it to forget; wait, or say --now"
        )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _write(path: Path, lines: Sequence[str]) -> None:
    """Put another file in place, for the same owner, where it is a keyring."""
    was = path.stat()
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
            file.flush()
            os.fsync(file.fileno())
        load_keyring(fresh)
        os.chown(fresh, was.st_uid, was.st_gid)
        fresh.chmod(was.st_mode & 0o777)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
