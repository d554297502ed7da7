"""From when to when files of events go, by their first and last lines: for a bar that knows how far it is."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from alerts.model import to_us
from connectors.event_json import UNREADABLE

TAIL = 65_536  # bytes in which the last line of a plain file is looked for


class _When(Struct):
    occurred_at: datetime
    arrived_at: datetime | None = None


def span_of(files: Sequence[Path]) -> tuple[int | None, int | None]:
    """The first and the last arrival; nothing where a line does not say it, as in raw rows."""
    try:
        times = [_arrival(line) for path in files for line in _ends(path)]
    except (*UNREADABLE, TypeError, OSError):
        return None, None
    return (min(times), max(times)) if times else (None, None)


def _arrival(line: bytes) -> int:
    when = msgspec.json.decode(line, type=_When)
    return to_us(when.arrived_at or when.occurred_at)


def _ends(path: Path) -> Iterable[bytes]:
    """The first line of a file and its last."""
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as packed:
            first = packed.readline()
            last = deque(packed, maxlen=1)
        return [line for line in (first, *last) if line.strip()]
    with path.open("rb") as stream:
        first = stream.readline()
        stream.seek(max(0, path.stat().st_size - TAIL))
        last = deque((line for line in stream if line.strip()), maxlen=1)
    return [line for line in (first, *last) if line.strip()]
