"""Event v1 as JSON: read fast where it is as it should be, closely where it is not."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.model import Event
from connectors.deadletter import RefusedError
from connectors.refusal import refuse

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_KNOWN = frozenset(Event.__struct_fields__)
_SHOWN = frozenset(("id", "channel", "action", "occurred_at", "arrived_at", "case", "region", "category"))


class _Exact(Event, frozen=True, omit_defaults=True, gc=False, forbid_unknown_fields=True):
    """An event without members we do not know: what the fast way reads."""


_DECODER = msgspec.json.Decoder(_Exact)


def decode_event(line: bytes) -> Event:
    """The event of one JSON object; raises the sentence why it is none."""
    try:
        return _DECODER.decode(line)
    except UNREADABLE:  # unknown members, or wrong: look closer
        return _decode_closely(line)


def _decode_closely(line: bytes) -> Event:
    """Read again, with members we do not know moved into `attrs`; raises the sentence why it is no event."""
    try:
        data = msgspec.json.decode(line)
    except UNREADABLE as error:
        raise no_json("event", line, error) from None
    if not isinstance(data, dict):
        raise RefusedError("bad_json", f"event must be a JSON object; got {type(data).__name__}")
    unknown = {name: value for name, value in data.items() if name not in _KNOWN}
    if unknown and isinstance(data.get("attrs", {}), dict):
        data = {name: value for name, value in data.items() if name in _KNOWN}
        data["attrs"] = unknown | data.get("attrs", {})
    try:
        return msgspec.convert(data, Event)
    except msgspec.ValidationError as error:
        raise refuse(error, data) from None


def no_json(what: str, line: bytes, error: Exception) -> RefusedError:
    """Why bytes are no JSON: not even text, or no JSON text."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return RefusedError("bad_encoding", f"{what} must be UTF-8; got byte {line[wrong.start]} at {wrong.start}")
    return RefusedError("bad_json", f"{what} must be JSON; got {error}")


def load_json(line: bytes) -> Any:
    """Plain data, or nothing where it cannot be read."""
    try:
        return msgspec.json.decode(line)
    except UNREADABLE:
        return None


def show_event(data: dict[str, Any]) -> str:
    """Of the members that name nobody and of the text what they say, of the others that they are there."""
    shown = {
        name: value if name in (*_SHOWN, "text") and isinstance(value, str) else "…"
        for name, value in data.items()
        if name in _KNOWN
    }
    return msgspec.json.encode(shown).decode()
