"""A column of RFC 3339 texts as seconds since 1970."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alerts.columns.arrays import Ints

_Text: TypeAlias = NDArray[np.uint8]  # a row for each text, a column for each character

LENGTH = len("2026-03-01T09:30:00+08:00")
_SIGNS = np.array([4, 7, 10, 13, 16, 22])
_SIGN = np.frombuffer(b"--T:::", np.uint8)
_GREATEST = np.frombuffer(b"9999-19-39T29:59:59+29:59", np.uint8) - ord("0")  # each digit that may stand there


def seconds_of(texts: Sequence[str]) -> Ints:
    """Seconds since 1970, UTC. A fraction of a second is cut off.

    Texts of the usual form, `2026-03-01T09:30:00+08:00`, are read all at once; where one of them looks otherwise each
    is read by itself. Raises `ValueError` for what is no RFC 3339 time with an offset.
    """
    written = "".join(texts).encode()
    if len(written) != len(texts) * LENGTH or not texts:
        return _one_by_one(texts)
    text = np.frombuffer(written, np.uint8).reshape(-1, LENGTH)
    if not _is_usual(text):
        return _one_by_one(texts)
    hour, minute, second, hours, minutes = (_number(text, place) for place in (11, 14, 17, 20, 23))
    clock, offset = hour * 3600 + minute * 60 + second, hours * 3600 + minutes * 60
    found: Ints = _midnights(texts, text) + clock - np.where(text[:, 19] == ord("+"), offset, -offset)
    return found


def _number(text: _Text, place: int) -> Ints:
    """The two digits at a place."""
    return ((text[:, place] - ord("0")) * 10 + (text[:, place + 1] - ord("0"))).astype(np.int64)


def _is_usual(text: _Text) -> bool:
    """Whether the form is the usual one, and hours and minutes are some that there are; days are looked at later."""
    if (text[:, _SIGNS] != _SIGN).any() or not np.isin(text[:, 19], (ord("+"), ord("-"))).all():
        return False
    digit = text - ord("0")
    digit[:, [*_SIGNS, 19]] = 0
    late = [(digit[:, place] == 2) & (digit[:, place + 1] > 3) for place in (11, 20)]
    return bool((digit <= _GREATEST).all()) and not (late[0] | late[1]).any()


def _midnights(texts: Sequence[str], text: _Text) -> Ints:
    """Midnight of each day in UTC; each run of texts of one day asks the calendar once."""
    days = text[:, :10]
    turns = np.flatnonzero((days[1:] != days[:-1]).any(axis=1)) + 1
    begins = [0, *turns.tolist()]
    found = [int(datetime.fromisoformat(texts[place][:10] + "T00:00:00+00:00").timestamp()) for place in begins]
    return np.repeat(np.array(found), np.diff([*begins, len(texts)]))


def _one_by_one(texts: Sequence[str]) -> Ints:
    return np.fromiter(map(_seconds, texts), np.int64, len(texts))


def _seconds(text: str) -> int:
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"a time must have an offset from UTC; got `{text}`")
    return int(read.timestamp() // 1)
