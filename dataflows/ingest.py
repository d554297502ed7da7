"""Files sent into a running installation: each row goes through the door here, what it became goes to Kafka."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Self, cast

import msgspec
from msgspec import Struct, field

from alerts.model import DeadLetter, Event
from connectors.door import Door
from connectors.mapping import Mapping
from connectors.rows import Failure, read_rows, read_stream
from dataflows.outbox import Outbox, Result, sendable

STEP = 500  # rows between two looks at what the brokers answered

Clock = Callable[[], int]


class Tally(Struct):
    """What became of the rows of one file; one row may be several events."""

    name: str
    is_through: bool = False
    rows: int = 0
    events: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, results: list[Result]) -> None:
        """Enter one row."""
        self.rows += 1
        for result in results:
            if isinstance(result, Event):
                self.events += 1
            elif isinstance(result, DeadLetter):
                self.dead[result.reason] += 1
            else:
                self.dropped[result.reason] += 1


class InputFile:
    """One file, and how much of it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._raw = path.open("rb")

    def stream(self) -> IO[bytes]:
        """Its bytes, unpacked where its name ends in `.gz`."""
        if self.path.suffix != ".gz":
            return self._raw
        # a GzipFile has all of IO that is needed here
        return cast(IO[bytes], gzip.GzipFile(fileobj=self._raw))

    def bytes_read(self) -> int:
        """Of the file as it lies there, packed or not; of a spreadsheet nothing is known."""
        return self._raw.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._raw.close()


class Intake:
    """The door for files: Event v1 as JSON lines, or raw rows with a mapping."""

    def __init__(self, door: Door, mapping: Mapping | None, clock: Clock) -> None:
        self._door = door
        self._mapping = mapping
        self._clock = clock

    def answers(self, file: InputFile) -> Iterator[list[Result]]:
        """What each row of a file becomes, in its order."""
        return self._of_events(file) if self._mapping is None else self._of_rows(file, self._mapping)

    def _of_events(self, file: InputFile) -> Iterator[list[Result]]:
        for number, line in enumerate(_lines(file), 1):
            if line := line.strip():
                source, now = f"file:{file.path.name}:{number}", self._clock()
                event = self._door.admit_event_json(line, source, now)
                yield sendable(self._door, [event], partial(bytes, line), source, now)

    def _of_rows(self, file: InputFile, mapping: Mapping) -> Iterator[list[Result]]:
        how, door = mapping.format, self._door
        rows = read_rows(file.path, how) if how.type == "xlsx" else read_stream(file.stream(), how)
        for row in rows:
            source, now = f"file:{file.path.name}:{row.position}", self._clock()
            if isinstance(row, Failure):
                yield [door.admit_failure(mapping, row, source, now)]
            else:
                results = door.admit_row(mapping, row.fields, source, now)
                yield sendable(door, results, partial(msgspec.json.encode, row.fields), source, now)


def ingest_file(
    file: InputFile,
    intake: Intake,
    outbox: Outbox,
    dead: Callable[[DeadLetter], None],
    seen: Callable[[Tally], None],
) -> Tally:
    """Send one file; returns when the brokers have all of it. `seen` is told now and then how far it is."""
    tally = Tally(file.path.name)
    for results in intake.answers(file):
        tally.add(results)
        for result in results:
            if isinstance(result, DeadLetter):
                dead(result)
            if isinstance(result, Event | DeadLetter):
                outbox.send(result)
        if tally.rows % STEP == 0:
            outbox.check()
            seen(tally)
    outbox.flush()
    tally.is_through = True
    seen(tally)
    return tally


def _lines(file: InputFile) -> Iterator[bytes]:
    try:
        yield from file.stream()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"file must be whole gzip; got {error} ({file.path})") from None
