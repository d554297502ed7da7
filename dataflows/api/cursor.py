"""Where a page of alerts ended, as the word that a caller sends back for the next one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

import msgspec
from msgspec import Struct

from connectors.redis_views import OpenPlace
from dataflows.api.problem import RefusedError


class Open(Struct, frozen=True, tag="open", array_like=True):
    """Behind this place in what is open."""

    score: float
    alert_id: str

    @property
    def place(self) -> OpenPlace:
        """As Redis orders them."""
        return OpenPlace(self.score, self.alert_id)


class Past(Struct, frozen=True, tag="past", array_like=True):
    """Behind this alert in the pool."""

    detected_at: datetime
    alert_id: str


_decode: Callable[[bytes], Open | Past] = msgspec.json.Decoder(Open | Past).decode


def written(cursor: Open | Past) -> str:
    """As the caller sends it back."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read(text: str) -> Open | Past:
    """What `written` wrote. Raises a refusal for anything else."""
    try:
        return _decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        sentence = "`cursor` must be the `next` of a page before; got another; begin without one"
        raise RefusedError(HTTPStatus.BAD_REQUEST, sentence) from None
