"""A column of RFC 3339 texts as seconds since 1970."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from alerts.columns.arrays import Ints

LENGTH = len("2026-03-01T09:30:00+08:00")
_SIGNS = np.array([4, 7, 10, 13, 16, 22])
_SIGN = np.frombuffer(b"--T:::", np.uint8)
_DIGITS = np.array([place for place in range(LENGTH) if place not in (*_SIGNS, 19)])


def seconds_of(texts: Sequence[str]) -> Ints:
    """Seconds since 1970, UTC. A fraction of a second is cut off.

    Texts of the usual form, `2026-03-01T09:30:00+08:00`, are read all at once; where one of them looks otherwise each
    is read by itself. Raises `ValueError` for what is no RFC 3339 time with an offset.
    """
    written = "".join(texts).encode()
    if len(written) != len(texts) * LENGTH or not texts:
        return _one_by_one(texts)
    text = np.frombuffer(written, np.uint8).reshape(-1, LENGTH)
    digit = text - ord("0")
    sign = text[:, 19]
    is_usual = (text[:, _SIGNS] == _SIGN).all() and (digit[:, _DIGITS] < 10).all()
    if not is_usual or not ((sign == ord("+")) | (sign == ord("-"))).all():
        return _one_by_one(texts)
    digits = digit.T.astype(np.int64)
    hour, minute, second, hours, minutes = (digits[p] * 10 + digits[p + 1] for p in (11, 14, 17, 20, 23))
    if max(hour.max() - 23, minute.max() - 59, second.max() - 59, hours.max() - 23, minutes.max() - 59) > 0:
        return _one_by_one(texts)
    offset = np.where(sign == ord("+"), 60, -60) * (hours * 60 + minutes)
    return _midnights(texts, text[:, :10]) + hour * 3600 + minute * 60 + second - offset


def _midnights(texts: Sequence[str], days: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Ints:
    """Midnight of each day in UTC; each run of texts of one day asks the calendar once."""
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
