"""What a model looks like as a row of the pool: the table, its columns, and one row for one item.

Times go in as microseconds, trees as JSON, absent strings as ''. The order of columns is that of the
dictionary a row is made as, so names and values cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any

import msgspec
from msgspec import Struct

from alerts.model import (
    Acted,
    DeadLetter,
    Event,
    LateEvent,
    Link,
    MatterLink,
    PooledEvent,
    Receipt,
    Region,
    Revision,
    RuleGap,
    Text,
    to_us,
)
from connectors.giving_way import PIECE_ROWS

Poolable = PooledEvent | MatterLink | Revision | LateEvent | DeadLetter | RuleGap | Receipt | Acted
Row = dict[str, Any]
_NO_ATTRS = ("{}", "")  # there were none; or there were, and their time is over


def table_of(item: Poolable) -> str:
    """The table an item goes to."""
    return _ROWS[type(item)][0]


def columns_of(
    items: Sequence[Poolable], pause: Callable[[], None] | None = None
) -> tuple[tuple[str, ...], list[Sequence[Any]]]:
    """Column names and columns of items of one type; there must be at least one.

    With `pause` they are made piece by piece, and it is called after each.
    """
    to_row = _ROWS[type(items[0])][1]
    names = tuple(to_row(items[0]))
    if pause is None:
        return names, list(zip(*(to_row(item).values() for item in items), strict=True))
    columns: list[list[Any]] = [[] for _ in names]
    for start in range(0, len(items), PIECE_ROWS):
        rows = [to_row(item).values() for item in items[start : start + PIECE_ROWS]]
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column += values
        pause()
    return names, list(columns)


def areas(event: Event) -> tuple[str, str, str]:
    """County, township and village of an event, as far as its region or its grid tells; '' where unknown."""
    code = event.region or ""
    grid = (event.grid or "")[:12]
    if grid.startswith(code):
        code = grid or code
    return code[:6], _part(code, 9), _part(code, 12)


def _part(code: str, digits: int) -> str:
    """The code down to one level; '' where it is shorter, or filled up with zeros as exports like to do."""
    return code[:digits] if len(code) >= digits and code[digits - 3 : digits] != "000" else ""


def _event(pooled: PooledEvent) -> Row:
    event = pooled.event
    county, township, village = areas(event)
    link = event.link
    return {
        "id": event.id,
        "channel": event.channel,
        "action": event.action,
        "occurred_at": to_us(event.occurred_at),
        "arrived_at": to_us(pooled.arrived_at),
        "case": event.case or "",
        "matter": pooled.matter,
        "link_type": link.type if link else "",
        "link_to": link.to if link else "",
        "reporter": event.reporter or "",
        "reporter_class": event.reporter_class,
        "pair": event.pair or "",
        "household": event.household or "",
        "place": event.place or "",
        "subject": event.subject or "",
        "region": event.region or "",
        "county": county,
        "township": township,
        "village": village,
        "grid": event.grid or "",
        "category": event.category or "",
        "subcategory": event.subcategory or "",
        "violence": event.violence,
        "cues": event.cues,
        "unit": event.unit or "",
        "unit_level": event.unit_level,
        "satisfied": event.satisfied,
        "text": event.text or "",
        "lat": event.lat,
        "lon": event.lon,
        "attrs": _json(event.attrs) if event.attrs else "{}",
        "source": pooled.source,
    }


def events_of(columns: Mapping[str, Sequence[Any]]) -> Iterator[Event]:
    """The events of some columns of `events`; what was absent is absent again, and what is no column, too.

    Column by column, because a rule that begins is warmed with hundreds of thousands of events.
    """
    if not columns:
        return iter(())
    return map(Event, *(_field(name, columns) for name in Event.__struct_fields__))


def _field(name: str, columns: Mapping[str, Sequence[Any]]) -> Iterable[Any]:
    if name == "link":
        pairs = zip(columns["link_type"], columns["link_to"], strict=True)
        return [Link(kind, to) if kind else None for kind, to in pairs]
    if name == "cues":
        return map(tuple, columns["cues"])
    if name == "attrs":
        return [{} if text in _NO_ATTRS else msgspec.json.decode(text) for text in columns["attrs"]]
    if name not in columns:
        return repeat(None)
    return [None if value == "" else value for value in columns[name]]


def _matter_link(link: MatterLink) -> Row:
    return {
        "event_id": link.event_id,
        "matter": link.matter,
        "reason": link.reason,
        "score": link.score,
        "decided_at": to_us(link.decided_at),
        "proposed": link.proposed,
        "previous": link.previous or "",
    }


def _late_event(late: LateEvent) -> Row:
    return {
        "event_id": late.event_id,
        "rule": late.rule,
        "channel": late.channel,
        "occurred_at": to_us(late.occurred_at),
        "arrived_at": to_us(late.arrived_at),
        "watermark": to_us(late.watermark),
    }


def _rule_gap(gap: RuleGap) -> Row:
    row: Row = msgspec.structs.asdict(gap)
    return row | {name: to_us(row[name]) for name in ("from_at", "until_at", "noted_at")}


def _dead_letter(letter: DeadLetter) -> Row:
    row: Row = msgspec.structs.asdict(letter)
    return row | {"failed_at": to_us(letter.failed_at)}


def _receipt(receipt: Receipt) -> Row:
    row: Row = msgspec.structs.asdict(receipt)
    return row | {"happened_at": to_us(receipt.happened_at)}


def _acted(acted: Acted) -> Row:
    action = acted.action
    return {
        "seq": acted.seq,
        "at": to_us(acted.at),
        "action_id": action.action_id,
        "alert_id": action.alert_id,
        "revision": acted.revision,
        "rule": acted.rule,
        "county": acted.county,
        "action": action.action,
        "verdict": acted.verdict,
        "sentence": acted.sentence,
        "actor": action.actor,
        "role": action.role,
        "scope": action.scope,
        "acted_at": to_us(action.acted_at),
        "until": None if action.until is None else to_us(action.until),
        "disposition": action.disposition or "",
        "assigned_to": action.assigned_to,
        "note": action.why,
        "of": action.of,
        "record": _json(acted),
        "prev_hash": acted.prev_hash,
        "hash": acted.hash,
        "engine_epoch": acted.engine_epoch,
    }


def acted_of(row: Mapping[str, Any]) -> Acted:
    """What a row of `alert_actions` was made of. Raises `ValueError` where its columns say another thing."""
    acted = msgspec.json.decode(row["record"], type=Acted)
    said = _acted(acted)
    for name, value in row.items():
        if name in said and (to_us(value) if isinstance(value, datetime) else value) != said[name]:
            raise ValueError(f"column `{name}` of row {acted.seq} must say what its record says; it does not")
    return acted


# the fields of a revision that are trees or lists of trees: one JSON column each
TREES = {
    "vouched_by",
    "path",
    "measures",
    "evidence",
    "delta",
    "suppressed_since_last",
    "explain",
    "nearest_next",
    "route",
    "links",
}
_ABSENT = ("stage", "calendar_version", "baseline_version")  # '' where there is none


def _revision(revision: Revision) -> Row:
    return {name: _revision_value(name, getattr(revision, name)) for name in revision.__struct_fields__}


def _revision_value(name: str, value: Any) -> Any:
    if name in TREES:
        return "" if value is None else _json(value)
    if isinstance(value, datetime):
        return to_us(value)
    if name == "region":
        return value.county or "", value.township or "", value.village or "", value.grid or ""
    if name == "text":
        return value.zh, value.en
    if value is None and name in _ABSENT:
        return ""
    return value


def revision_of(row: Mapping[str, Any]) -> Revision:
    """The revision that a row of `alert_revisions` was made of."""
    read = {name: _read_back(name, row[name]) for name in Revision.__struct_fields__ if name in row}
    return msgspec.convert({name: value for name, value in read.items() if value is not None}, Revision)


def _read_back(name: str, value: Any) -> Any:
    """The value that a column was made of; None where there was none."""
    if name in TREES:
        return msgspec.json.decode(value) if value else None
    if name == "region":
        return {level: code for level, code in _named(value, Region).items() if code}
    if name == "text":
        return _named(value, Text)
    return None if value == "" and name in _ABSENT else value


def _named(value: Any, model: type[Struct]) -> Mapping[str, Any]:
    """A tuple as a mapping, whichever of the two the client makes of it."""
    return value if isinstance(value, Mapping) else dict(zip(model.__struct_fields__, value, strict=True))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_ROWS: dict[type, tuple[str, Callable[[Any], Row]]] = {
    PooledEvent: ("events", _event),
    MatterLink: ("matter_links", _matter_link),
    Revision: ("alert_revisions", _revision),
    LateEvent: ("late_events", _late_event),
    DeadLetter: ("dead_letters", _dead_letter),
    RuleGap: ("rule_gaps", _rule_gap),
    Receipt: ("deliveries", _receipt),
    Acted: ("alert_actions", _acted),
}
