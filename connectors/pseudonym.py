"""Keyed pseudonyms: the same person gives the same token, and without the key a token leads nowhere.

A token is `<key id>:<20 letters>`, 80 bits of an HMAC over the kind and the normalised value. Its letters
are chosen so that no token can look like a phone, an ID, a plate or a word.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

Kind = Literal["phone", "id_card", "name", "address", "plate", "pair", "row"]
KINDS: tuple[Kind, ...] = ("phone", "id_card", "name", "address", "plate", "pair", "row")
Algorithm = Literal["sha256", "sm3"]

SHOWN = 8  # characters of a token that people get to see
_LETTERS = "bcdfghjkmnprstvz"  # one for each hex digit
_MAC = rf"[{_LETTERS}]{{20}}"
TOKEN = rf"[a-z][a-z0-9]{{0,7}}:{_MAC}"
JOINED = rf"{TOKEN}(?:~{TOKEN})+~{_MAC}"
_TOKEN, _JOINED = re.compile(TOKEN), re.compile(JOINED)
_KEY_ID = re.compile(r"[a-z][a-z0-9]{0,7}")
_TO_LETTERS = str.maketrans("0123456789abcdef", _LETTERS)
_NOISE = re.compile(r"[\s\-‐-―－·•._/()（）]+")
_PREFIX = re.compile(r"^(?:\+|00)?86(?=1[3-9]\d{9}$)")


class Key(Struct, frozen=True):
    """One epoch of the key."""

    id: str
    secret: bytes
    algorithm: Algorithm = "sha256"

    def letters(self, message: str) -> str:
        """80 bits of the HMAC of a message, in letters."""
        if self.algorithm == "sha256":
            digest = hmac.digest(self.secret, message.encode(), "sha256").hex()
        else:
            digest = hmac.new(self.secret, message.encode(), self.algorithm).hexdigest()
        return digest[:20].translate(_TO_LETTERS)


Tokens: TypeAlias = tuple[str, ...]  # of one value, one for each key held, the newest key first
Naming: TypeAlias = Callable[[Tokens], str]


def oldest(tokens: Tokens) -> str:
    """The token of the oldest key: what a value is called as long as that key is held."""
    return tokens[-1]


def is_token(value: str) -> bool:
    """Whether a value is a token of this module, of whatever key, or tokens of one value that are joined."""
    return _TOKEN.fullmatch(value) is not None or _JOINED.fullmatch(value) is not None


def veiled(text: str) -> str:
    """A text whose tokens are cut to their beginnings: enough to tell two apart, too little to look one up."""
    return _TOKEN.sub(lambda found: found[0][:SHOWN] + "…", text)


def normalise(kind: Kind, raw: str) -> str:
    """The one spelling of a value, so that `+86 138-0000-1111` and `13800001111` are one person."""
    if kind in ("row", "pair"):  # made of values that are spelled well already
        return raw
    before, text = raw, _respell(kind, raw)
    while text != before:  # a sign that goes may let others join
        before, text = text, _respell(kind, text)
    return text


def _respell(kind: Kind, raw: str) -> str:
    text = unicodedata.normalize("NFKC", raw).strip()
    if kind == "phone":
        return _PREFIX.sub("", _NOISE.sub("", text).removeprefix("+"))
    if kind in ("id_card", "plate"):
        return _NOISE.sub("", text).upper()
    if kind == "name":
        return re.sub(r"\s+", "", text).casefold()
    if kind == "address":
        return re.sub(r"[\s,，;；。]+", "", text).casefold()
    return text


class Keyring:
    """Makes tokens. Where several keys are held, `naming` says which of a value's tokens it is called by."""

    def __init__(self, keys: Iterable[Key], naming: Naming = oldest, cache: int = 65_536) -> None:
        self.keys = tuple(keys)
        if not self.keys:
            raise ValueError("keyring must have at least one key; got none")
        ids = [key.id for key in self.keys]
        if len(set(ids)) < len(ids):
            raise ValueError(f"key ids must differ; got {', '.join(ids)}")
        self._naming = naming
        self._remembered: Callable[[Kind, str], Tokens] = lru_cache(cache)(self.tokens)

    def token(self, kind: Kind, raw: str) -> str:
        """What a value is called."""
        return self._naming(self._remembered(kind, raw))

    def token_once(self, kind: Kind, raw: str) -> str:
        """`token` of a value that is not expected again."""
        return self._naming(self.tokens(kind, raw))

    def pair(self, kind: Kind, one: str, other: str) -> str:
        """One token for two parties, whoever is named first."""
        first, second = sorted((normalise(kind, one), normalise(kind, other)))
        return self.token("pair", f"{kind}\x1f{first}\x1f{second}")

    def tokens(self, kind: Kind, raw: str) -> Tokens:
        """The token of a value under every key held."""
        message = f"{kind}\x00{normalise(kind, raw)}"
        return tuple([f"{key.id}:{key.letters(message)}" for key in self.keys])

    def naming(self, naming: Naming) -> Keyring:
        """The same keys, with another naming."""
        return Keyring(self.keys, naming)


def generate_keyring() -> Keyring:
    """A key for one run: tokens of two runs do not meet."""
    return Keyring([Key("tmp", secrets.token_bytes(32))])


def key_line(key_id: str, algorithm: Algorithm = "sha256") -> str:
    """A line for a keyring file with a fresh secret."""
    return f"{key_id} {algorithm} {secrets.token_hex(32)}"


def load_keyring(path: Path | str) -> Keyring:
    """Read a keyring file: one `<id> <sha256|sm3> <hex>` a line, the newest first, `#` for notes."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ValueError(
            f"keyring must be in a file; got no file ({path}); write one line `k1 sha256 <64 hex digits>`"
        ) from None
    keys = [
        _parse_key(line, f"{path}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not keys:
        raise ValueError(f"keyring must have at least one key; got none ({path})")
    return Keyring(keys)


def _parse_key(line: str, where: str) -> Key:
    words = line.split()
    if len(words) != 3:
        raise ValueError(f"key must be `<id> <sha256|sm3> <hex>`; got {len(words)} words ({where})")
    key_id, algorithm, text = words
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError(f"key id must be a letter and up to 7 letters or digits; got `{key_id}` ({where})")
    if algorithm not in ("sha256", "sm3"):
        raise ValueError(f"algorithm must be sha256 or sm3; got `{algorithm}` ({where})")
    if algorithm == "sm3" and "sm3" not in hashlib.algorithms_available:
        raise ValueError(f"sm3 must be in this Python's OpenSSL; got none ({where}); use sha256")
    try:
        secret = binascii.unhexlify(text)
    except binascii.Error:
        raise ValueError(f"key `{key_id}` must be hex; got something else ({where})") from None
    if len(secret) < 32:
        raise ValueError(f"key `{key_id}` must have 32 bytes or more; got {len(secret)} ({where})")
    return Key(key_id, secret, "sm3" if algorithm == "sm3" else "sha256")
