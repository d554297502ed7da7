"""Rows that could not become events: why, a copy that is safe to look at, and the whole row sealed."""

from __future__ import annotations

import hashlib
from typing import Any

from msgspec import Struct

from alerts.model import DeadLetter, DeadReason, from_us
from connectors.scrub import scrub
from connectors.seal import Sealer

Reason = DeadReason
SHOWN_BYTES = 2_048
SEALED_BYTES = 1 << 20
_LOOKED_AT = 8_192  # characters; more are not scrubbed, for they would not be shown


class Refused(Struct, frozen=True):
    """Why a row is not an event."""

    reason: Reason
    sentence: str


class RefusedError(Exception):
    """Carries a `Refused` out of the depth of the door to where the row is known."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.refused = Refused(reason, sentence)


class Dropped(Struct, frozen=True):
    """A row that its mapping does not want, with the reason the mapping gives. Counted, not dead."""

    reason: str
    source: str = ""
    mapping: str = ""


class DeadLetters:
    """Makes dead letters. Without a sealer (tests, a demo) they keep no whole row, and say so."""

    def __init__(self, sealer: Sealer | None = None) -> None:
        self._sealer = sealer

    def make(
        self,
        refused: Refused,
        *,
        source: str,
        raw: bytes,
        shown: str = "",
        now_us: int,
        channel: str = "",
        mapping: str = "",
        mapping_version: int = 0,
    ) -> DeadLetter:
        """One dead letter. Of the row nothing may be looked at but `shown`, and that scrubbed."""
        sentence = refused.sentence
        sealed = ""
        if self._sealer is None:
            sentence += "; the row is not kept: no key to seal it"
        elif len(raw) > SEALED_BYTES:
            sentence += f"; the row is not kept: {len(raw)} bytes are more than {SEALED_BYTES}"
        else:
            sealed = self._sealer.seal(raw)
        return DeadLetter(
            id=letter_id(source, refused.reason),
            source=source,
            reason=refused.reason,
            sentence=scrub(sentence),
            failed_at=from_us(now_us),
            channel=channel,
            mapping=mapping,
            mapping_version=mapping_version,
            raw=shorten(_scrub_start(shown)),
            sealed=sealed,
        )


def letter_id(source: str, reason: str) -> str:
    """The same failure of the same row has the same id, however often it is tried."""
    return hashlib.sha256(f"{source}\x00{reason}".encode()).hexdigest()[:32]


def _scrub_start(text: str) -> str:
    scrubbed = scrub(text[:_LOOKED_AT])
    return scrubbed[:-64] if len(text) > _LOOKED_AT else scrubbed  # its end may be half a number


def shorten(text: str) -> str:
    """At most `SHOWN_BYTES` of UTF-8, with `…` where something was cut."""
    encoded = text.encode()
    if len(encoded) <= SHOWN_BYTES:
        return text
    return encoded[: SHOWN_BYTES - 3].decode("utf-8", "ignore") + "…"


def show(value: Any) -> str:
    """A value as a sentence may name it: scrubbed, short."""
    if value is None:
        return "null"
    text = scrub(str(value)[:200])
    return f"`{text[:80]}…`" if len(text) > 80 else f"`{text}`"
