"""Sealed boxes: anyone with the public key can close one, only the intake's private key opens it."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox


class SealError(ValueError):
    """A box that does not open, or a key that is none."""


class Sealer:
    """Closes boxes for one public key. Two boxes of the same bytes differ."""

    def __init__(self, public: bytes) -> None:
        self._box = SealedBox(PublicKey(public))

    def seal(self, plain: bytes) -> str:
        """The sealed bytes as base64."""
        return base64.b64encode(self._box.encrypt(plain)).decode("ascii")


class Unsealer:
    """Opens boxes with the private key."""

    def __init__(self, private: bytes) -> None:
        self._private = PrivateKey(private)
        self._box = SealedBox(self._private)

    @property
    def public(self) -> bytes:
        """The public key that belongs to it, for a `Sealer`."""
        return bytes(self._private.public_key)

    def unseal(self, sealed: str | bytes) -> bytes:
        """What was sealed; raises `SealError` when it is not a box for this key."""
        try:
            return self._box.decrypt(base64.b64decode(sealed, validate=True))
        except (binascii.Error, CryptoError, ValueError) as error:
            raise SealError(f"box must be base64, sealed for this key; got {error}") from error


def generate_private_key() -> bytes:
    """A fresh private key of 32 bytes."""
    return bytes(PrivateKey.generate())


def write_keys(private_path: Path, public_path: Path) -> None:
    """Make a pair of key files (base64); the private one readable by its owner only, never overwritten."""
    private = generate_private_key()
    private_path.touch(mode=0o600, exist_ok=False)
    private_path.write_bytes(base64.b64encode(private) + b"\n")
    public_path.write_bytes(base64.b64encode(Unsealer(private).public) + b"\n")


def load_sealer(path: Path | str) -> Sealer:
    """A sealer from a public key file."""
    return Sealer(_read_key(path, "public"))


def load_unsealer(path: Path | str) -> Unsealer:
    """An unsealer from a private key file."""
    return Unsealer(_read_key(path, "private"))


def _read_key(path: Path | str, kind: str) -> bytes:
    try:
        text = Path(path).read_bytes().strip()
    except FileNotFoundError:
        raise SealError(
            f"{kind} key for sealing must be in a file; got no file ({path}); write the keys first"
        ) from None
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise SealError(f"{kind} key must be base64 of 32 bytes; got {len(key)} bytes ({path})")
    return key
