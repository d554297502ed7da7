"""What a shard keeps, as parts of frames: one for each key of a rule, and one for the alerts of a key.

What is large has a core and a part for each of its pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from alerts.alert import Alerts
from alerts.entry import Key
from alerts.kept import Changes, Name
from alerts.shelf import Asleep, Shelf
from alerts.subject import InPieces, Subject

SMALL = 8  # events that a small one keeps

SUBJECT, PIECE, ALERTS = "subject", "piece", "alerts"  # names begin with one of these, number of the rule, key


def all_parts(subjects: Sequence[Shelf[Subject]], alerts: Sequence[Shelf[Alerts]]) -> dict[Name, Any]:
    """Everything; from now on only what changes is new. What sleeps is saved in one piece, as it is."""
    parts: dict[Name, Any] = {}
    for number, (shelf, known) in enumerate(zip(subjects, alerts, strict=True)):
        shelf.pieces, shelf.left = {}, {}
        parts.update({(SUBJECT, number, key): kept for key, kept in shelf.asleep.items()})
        parts.update({(ALERTS, number, key): kept for key, kept in known.asleep.items()})
        for key, subject in shelf.awake.items():
            _put(parts.__setitem__, shelf, number, key, subject, is_all=True)
        parts.update({(ALERTS, number, key): _of_alerts(each) for key, each in known.awake.items()})
        shelf.changed, known.changed = {}, {}
    return parts


def put_some(
    changes: Changes, subjects: Sequence[Shelf[Subject]], alerts: Sequence[Shelf[Alerts]], share: float
) -> None:
    """Put a share of the small ones of what changed of each rule, which changed first; they count as saved then.

    What is large is saved once a snapshot, however often it changes.
    """
    for number, (shelf, known) in enumerate(zip(subjects, alerts, strict=True)):
        for key in shelf.some_changed(share):
            subject = shelf.awake.get(key)
            if subject is None or key in shelf.left or subject.size() > SMALL:
                shelf.touch(key)
            else:
                _put(changes.put, shelf, number, key, subject, is_all=False)
        for key in known.some_changed(share):
            each = known.awake.get(key)
            if each is None:
                known.touch(key)
            else:
                changes.put((ALERTS, number, key), _of_alerts(each))


def put_changed(changes: Changes, subjects: Sequence[Shelf[Subject]], alerts: Sequence[Shelf[Alerts]]) -> None:
    """Put what changed since it was last asked for, None for what is gone."""
    put = changes.put
    for number, (shelf, known) in enumerate(zip(subjects, alerts, strict=True)):
        for key, left in shelf.left.items():
            for name in left:
                put((PIECE, number, key, name), None)
        shelf.left = {}
        for key in shelf.changed or ():
            subject = shelf.get(key)
            if subject is None:
                put((SUBJECT, number, key), None)
            else:
                _put(put, shelf, number, key, subject, is_all=False)
        for key in known.changed or ():
            each = known.get(key)
            put((ALERTS, number, key), None if each is None else _of_alerts(each))
        shelf.changed, known.changed = {}, {}


def _put(
    put: Callable[[Name, Any], None], shelf: Shelf[Subject], number: int, key: Key, subject: Subject, *, is_all: bool
) -> None:
    if not isinstance(subject, InPieces):
        put((SUBJECT, number, key), (subject.armed, subject.size(), subject.state()))
        return
    known = shelf.pieces.get(key)
    if pieces := subject.pieces(is_all=is_all or not known):
        known = shelf.pieces.setdefault(key, set())
        for name, state in pieces:
            put((PIECE, number, key, name), state)
            if state is None:
                known.discard(name)
            else:
                known.add(name)
        if not known:
            del shelf.pieces[key]
    put((SUBJECT, number, key), (subject.armed, subject.size(), (subject.core(), ())))


def put_back(
    parts: Mapping[Name, Raw],
    numbers: Sequence[int | None],
    subjects: Sequence[Shelf[Subject]],
    alerts: Sequence[Shelf[Alerts]],
) -> None:
    """Put parts on their shelves, asleep; `numbers` gives for the number of a rule the one that it has now."""
    pieces: dict[tuple[int, Key], list[tuple[Key, Raw]]] = {}
    for (kind, saved, key, *name), value in parts.items():
        number = numbers[saved]
        if number is None:
            continue
        if kind == PIECE:
            pieces.setdefault((number, key), []).append((*name, value))
        else:
            shelves: Sequence[Shelf[Any]] = subjects if kind == SUBJECT else alerts
            shelves[number].asleep[key] = _ASLEEP.decode(value)
    for (number, key), found in pieces.items():
        shelf = subjects[number]
        shelf.pieces[key] = {name for name, _ in found}
        asleep = shelf.asleep[key]
        shelf.asleep[key] = asleep._replace(state=_with_pieces(asleep.state, found))
    for shelf, known in zip(subjects, alerts, strict=True):
        shelf.changed, known.changed = {}, {}


def _with_pieces(state: Raw, pieces: list[tuple[Key, Raw]]) -> Raw:
    core, _ = msgspec.msgpack.decode(state, type=tuple[Raw, Raw])
    return Raw(msgspec.msgpack.encode((core, pieces)))


def _of_alerts(alerts: Alerts) -> Any:
    return [alerts.timer], alerts.count_open(), alerts.state()


_ASLEEP = msgspec.msgpack.Decoder(Asleep)
