"""The file of tokens: who may ask, by the SHA-256 of what they show. It holds nothing that opens a door."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import shutil
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from connectors.identifiers import find_identifiers
from connectors.yaml_file import YamlError, load
from dataflows.api.caller import Caller

LOOK_SECONDS = 1.0  # how often the file is looked at

_log = logging.getLogger("anlan.api")


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One token as the file names it."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    name: str
    role: str
    region: str = ""
    expires: str = ""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    apiVersion: Literal["tokens/v1"]  # noqa: N815
    tokens: list[_Entry]


class Token(Struct, frozen=True):
    """One entry of the file."""

    digest: bytes
    caller: Caller


def read_tokens(path: Path | str) -> list[Token]:
    """The tokens of a file. Raises `YamlError` with a sentence; what is shown there is never a token."""
    try:
        document = load(path)
    except OSError as error:
        got = "no file" if isinstance(error, FileNotFoundError) else f"`{error.strerror}`"
        raise YamlError(f"tokens must be in a file; got {got} ({path})") from None
    try:
        entries = msgspec.convert(document.data, _File).tokens
        found = [Token(each.sha256.encode(), _caller(each)) for each in entries]
    except msgspec.ValidationError as error:
        raise document.refuse(f"tokens must be as documented; got {error}") from None
    if not found:
        raise document.refuse("tokens must name at least one; got none; make one with `anlan tokens make`")
    if len({each.digest for each in found}) < len(found):
        raise document.refuse("a token must stand there once; got one twice")
    return found


def _caller(entry: _Entry) -> Caller:
    if entry.region.endswith("00") and len(entry.region) == 6:
        raise msgspec.ValidationError(f'region `{entry.region}`, which is a city: the city is `region: ""`')
    if find_identifiers(entry.name):
        raise msgspec.ValidationError("a `name` that names a person outright, by a number: take another word")
    values = {"name": entry.name, "role": entry.role, "region": entry.region, "expires": entry.expires or None}
    return msgspec.convert(values, Caller)


def make_token(name: str, role: str, region: str, expires: datetime | None = None) -> tuple[str, str]:
    """A fresh token, and the entry for the file. Raises `ValueError` for what the file would not take."""
    token = secrets.token_urlsafe(32)
    until = "" if expires is None else expires.isoformat()
    entry = _Entry(hashlib.sha256(token.encode()).hexdigest(), name, role, region, until)
    try:
        _caller(entry)
    except msgspec.ValidationError as error:
        raise ValueError(f"a token must be as documented; got {error}") from None
    lines = [f"{field}: {_quoted(getattr(entry, field))}" for field in entry.__struct_fields__ if getattr(entry, field)]
    return token, "  - " + "\n    ".join(lines)


def add_entry(path: Path, entry: str) -> None:
    """Add an entry of `make_token` to a file of tokens, or begin one. Raises `YamlError` where the file is wrong."""
    before, replacement = "apiVersion: tokens/v1\ntokens:", path.with_name(f".{path.name}.new")
    try:
        replacement.touch()
        if path.exists():
            read_tokens(path)
            before = path.read_text(encoding="utf-8").rstrip()
            shutil.copymode(path, replacement)
        replacement.write_text(f"{before}\n{entry}\n", encoding="utf-8")
        read_tokens(replacement)
        replacement.replace(path)
    finally:
        replacement.unlink(missing_ok=True)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


class TokenBook:
    """The tokens as the file names them now: a token that is taken out of it opens nothing a second later.

    A file that cannot be read leaves what was, and is said in the log.
    """

    def __init__(self, path: Path | str) -> None:
        """Raises `YamlError` where the file is wrong."""
        self._path = Path(path)
        self._seen = self._stamp()
        self._tokens: Sequence[Token] = read_tokens(self._path)
        self._looked_at = time.monotonic()

    def caller(self, shown: str, now: datetime) -> Caller | None:
        """Who shows this. Every digest is compared, so that the time taken says nothing."""
        self._look_again()
        given = hashlib.sha256(shown.encode()).hexdigest().encode()
        found = [each.caller for each in self._tokens if hmac.compare_digest(given, each.digest)]
        return found[0] if found and not found[0].is_expired(now) else None

    def names(self, caller: Caller) -> bool:
        """Does the file name them now?"""
        self._look_again()
        return any(each.caller == caller for each in self._tokens)

    def _look_again(self) -> None:
        if time.monotonic() < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._tokens = read_tokens(self._path)
        except YamlError as error:
            _log.error("tokens_refused error=%s", error)
        else:
            _log.info("tokens_read count=%d", len(self._tokens))

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size
