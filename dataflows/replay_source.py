"""A bounded log made of files: Event v1 lines or raw rows, admitted at the door and put into order of arrival.

Arrival is `arrived_at` where given; elsewhere the clock of the file is the greatest `occurred_at` so far. Several
files are merged by arrival. A file that is not in order of arrival is sorted, which needs its events in memory.
"""

from __future__ import annotations

import gzip
import heapq
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec import Struct

from alerts.model import Arrival, DeadLetter, End, Event, Slice, to_us
from alerts.pipeline import SLICE, in_slices
from connectors.deadletter import Dropped
from connectors.door import Door
from connectors.event_json import UNREADABLE
from connectors.mapping import Mapping
from connectors.rows import Failure, read_rows

NEVER_AHEAD_US = to_us(datetime(2200, 1, 1, tzinfo=UTC))  # a replay has no now: nothing in a file is ahead of it

Result = Event | DeadLetter | Dropped
Clock = Callable[[], int]  # microseconds since 1970


class Reading(NamedTuple):
    """How a file becomes events."""

    rows: Callable[[Path], Iterator[tuple[str, list[Result]]]]  # what each row gives, with its place
    is_in_order: Callable[[Path], bool]  # whether they are known to be in order of arrival


class Refusals(NamedTuple):
    """What did not become an event."""

    dead: list[DeadLetter]
    dropped: dict[str, int]


def admit_events(door: Door, now: Clock = lambda: NEVER_AHEAD_US) -> Reading:
    """Reads files of Event v1 lines; what is ahead of `now` is refused."""

    def admit(path: Path) -> Iterator[tuple[str, list[Result]]]:
        for position, line in _lines(path):
            source = f"file:{path.name}:{position}"
            if line.strip():
                yield source, [door.admit_event_json(line, source, now())]

    return Reading(admit, _is_in_order)


def admit_raw(door: Door, mapping: Mapping, now: Clock = lambda: NEVER_AHEAD_US) -> Reading:
    """Reads files of raw rows with a mapping; what is ahead of `now` is refused."""

    def admit(path: Path) -> Iterator[tuple[str, list[Result]]]:
        for row in read_rows(path, mapping.format):
            source = f"file:{path.name}:{row.position}"
            if isinstance(row, Failure):
                yield source, [door.admit_failure(mapping, row, source, now())]
            else:
                yield source, list(door.admit_row(mapping, row.fields, source, now()))

    # without arrivals of its own a file is in order of its clock
    return Reading(admit, lambda path: not mapping.brings_arrival)


def arrivals(
    files: Iterable[tuple[Path, Reading]], refusals: Refusals, seen: Callable[[int], None]
) -> Iterator[Arrival]:
    """All events of some files in order of arrival; `seen` is told the size of what was read."""
    return heapq.merge(*(_of_file(path, reading, refusals, seen) for path, reading in files), key=_arrived)


def _of_file(path: Path, reading: Reading, refusals: Refusals, seen: Callable[[int], None]) -> Iterator[Arrival]:
    found = _in_file_order(path, reading, refusals, seen)
    return found if reading.is_in_order(path) else iter(sorted(found, key=_arrived))


class _When(Struct):
    arrived_at: datetime | None = None


def _is_in_order(path: Path) -> bool:
    """A quick look at the arrivals of a file of Event v1 lines: all of them have none, or they rise."""
    decode = msgspec.json.Decoder(_When).decode
    last: datetime | None = None
    brings = True
    for number, line in _lines(path):
        try:
            arrived = decode(line).arrived_at
            if number > 1 and (arrived is not None) is not brings:
                return False
            if arrived is not None and last is not None and arrived < last:
                return False
        except (*UNREADABLE, TypeError):
            return False
        last, brings = arrived, arrived is not None
    return True


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            yield from enumerate(stream, 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"file must be whole gzip; got {error} ({path})") from None


def _in_file_order(path: Path, reading: Reading, refusals: Refusals, seen: Callable[[int], None]) -> Iterator[Arrival]:
    clock = -NEVER_AHEAD_US
    tried_at = datetime.now(UTC)
    for source, results in reading.rows(path):
        for number, result in enumerate(results):
            if isinstance(result, Event):
                clock = max(clock, to_us(result.occurred_at))
                arrived = clock if result.arrived_at is None else to_us(result.arrived_at)
                yield Arrival(result, arrived, f"{source}#{number}" if number else source)
            elif isinstance(result, DeadLetter):
                refusals.dead.append(msgspec.structs.replace(result, failed_at=tried_at))
            else:
                refusals.dropped[result.reason] = refusals.dropped.get(result.reason, 0) + 1
        seen(1)


def _arrived(arrival: Arrival) -> int:
    return arrival.arrived_us


class ReplaySource(FixedPartitionedSource[Slice | End, None]):
    """Arrivals in order as slices of a log, and its end.

    Parallel by: nothing, the log has one order.
    Delivery: once; a replay that is stopped is started again.
    On failure: stops the flow.
    """

    def __init__(self, found: Iterator[Arrival], size: int = SLICE) -> None:
        self._found = found
        self._size = size

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _ReplayPart:
        return _ReplayPart(self._found, self._size)


class _ReplayPart(StatefulSourcePartition[Slice | End, None]):
    def __init__(self, found: Iterator[Arrival], size: int) -> None:
        self._cuts = in_slices(found, size)
        self._ended = False

    def next_batch(self) -> list[Slice | End]:
        if self._ended:
            raise StopIteration
        cut = next(self._cuts, None)
        self._ended = cut is None
        return [End() if cut is None else cut]

    def snapshot(self) -> None:
        return None
