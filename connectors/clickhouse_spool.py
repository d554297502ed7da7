"""Rows of the pool as the spool keeps them: each kind in its order, because a table knows no other."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts.model import Acted, DeadLetter, LateEvent, MatterLink, PooledEvent, Receipt, Revision, RuleGap
from connectors.clickhouse_rows import Poolable


class _Kinds(msgspec.Struct, omit_defaults=True):
    events: list[PooledEvent] = []
    links: list[MatterLink] = []
    revisions: list[Revision] = []
    late: list[LateEvent] = []
    letters: list[DeadLetter] = []
    gaps: list[RuleGap] = []
    receipts: list[Receipt] = []
    acts: list[Acted] = []


_NAMES: dict[type, str] = {
    PooledEvent: "events",
    MatterLink: "links",
    Revision: "revisions",
    LateEvent: "late",
    DeadLetter: "letters",
    RuleGap: "gaps",
    Receipt: "receipts",
    Acted: "acts",
}


def encode_rows(items: Iterable[Poolable]) -> bytes:
    """Rows as bytes."""
    kinds = _Kinds()
    for item in items:
        getattr(kinds, _NAMES[type(item)]).append(item)
    return msgspec.json.encode(kinds)


def decode_rows(body: bytes) -> list[Poolable]:
    """The same rows; those of one kind are in the order that they were in."""
    kinds = msgspec.json.decode(body, type=_Kinds)
    return [item for name in _NAMES.values() for item in getattr(kinds, name)]
