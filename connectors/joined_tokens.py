"""The tokens of one value under several keys, joined into one word: what a door sends on while a key changes.

Only the intake knows who is called by which token (`connectors/names.py`), so a door elsewhere sends all of them:
`<newest>~<older>~<proof>`. The proof is made with the newest key, so that nobody without it can give one person the
name of another.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

from connectors.names import Names
from connectors.pseudonym import JOINED, TOKEN, Key, Keyring, Tokens, oldest

_FOUND = re.compile(rf"{JOINED}|{TOKEN}".encode())


def joining(keyring: Keyring) -> Keyring:
    """The same keys for a door whose events go to the intake: while several keys are held it sends all tokens."""
    return keyring.naming(lambda tokens: tokens[0] if len(tokens) == 1 else _join(tokens, keyring.keys[0]))


def named_by(keyring: Keyring, names: Names) -> Callable[[bytes], bytes]:
    """What puts names in place of the tokens, joined or alone, of an event as another door sent it."""

    def name(found: re.Match[bytes]) -> bytes:
        return names.name(_parted(found[0].decode(), keyring)).encode()

    return lambda text: text if names.is_empty and b"~" not in text else _FOUND.sub(name, text)


def _join(tokens: Tokens, newest: Key) -> str:
    return "~".join((*tokens, _proof(tokens, newest)))


def _parted(word: str, keyring: Keyring) -> Tokens:
    """The tokens in a word; the oldest alone where nobody here can tell that they are of one value."""
    *tokens, proof = word.split("~")
    if not tokens:
        return (word,)
    joined = tuple(tokens)
    newest = next((key for key in keyring.keys if key.id == joined[0].partition(":")[0]), None)
    is_proven = newest is not None and hmac.compare_digest(_proof(joined, newest), proof)
    return joined if is_proven else (oldest(joined),)


def _proof(tokens: Tokens, newest: Key) -> str:
    return newest.letters(f"joined\x00{'~'.join(tokens)}")
