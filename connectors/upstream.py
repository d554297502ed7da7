"""Events that come from the intake log of another installation, under names that no third one has.

A case number, and an id that is made of one, is unique where it was given, so it gets the name of its installation.
What is the same everywhere stays: matters (一案一码), codes of areas, and tokens, which are alike where the keyring is.
"""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from alerts.model import ID_LENGTH, Event, Link
from connectors.kafka_reader import RawRecord
from connectors.log_record import PRODUCED, SOURCE, UPSTREAM

INSTALLATION = "installation"  # in `attrs`
_CONTROL = b'{"type":'  # a tick, a rule book, an action: what concerns that installation alone


class LoopError(ValueError):
    """An installation is above itself."""


def holds_event(record: RawRecord) -> bool:
    """Is this record of a log an event?"""
    return not record.value.startswith(_CONTROL)


def require_not_ours(record: RawRecord, installation: str, own_log: str) -> None:
    """Raise `LoopError` for an event that was read in our own log: it would go round and never stop."""
    if record.headers.get(UPSTREAM, b"").startswith(f"{own_log}/".encode()):
        raise LoopError(
            f"events must go up only; got one of ours in the log of `{installation}` ({record.source}); one of the two"
            " may be in the other's `upstream`"
        )


def row_of(record: RawRecord, installation: str) -> str:
    """Where its row stood there. What that intake has written twice after a crash has it twice, and is known by it."""
    return f"{installation}/{record.headers.get(SOURCE, b'').decode() or record.source}"


def produced_us(record: RawRecord) -> int:
    """When the department sent it, as the log says; else when it arrived there."""
    return int(record.headers.get(PRODUCED, b"0")) or record.produced_us


def called_apart(event: Event, installation: str) -> Event:
    """The same event; what is unique in its installation is made unique among all: `lanzhou/police/JQ…/received/1`.

    `attrs.installation` says whose it is, for rules that ask through how many cities something came.
    """
    link = event.link
    return replace(
        event,
        id=_apart(event.id, installation),
        case=event.case and _apart(event.case, installation),
        link=link and Link(link.type, link.to and _apart(link.to, installation)),
        attrs={**event.attrs, INSTALLATION: installation},
    )


def _apart(name: str, installation: str) -> str:
    """A link names an id or a case, so all three are made alike; what would be too long for an id becomes a hash."""
    whole = f"{installation}/{name}"
    if len(whole) <= ID_LENGTH:
        return whole
    return f"{installation}/{hashlib.sha256(name.encode()).hexdigest()}"
