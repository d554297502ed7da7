"""The intake's part of the flow: raw rows in, the intake log and the dead letters out.

Read top to bottom it is the diagram. A step id is part of the saved data.
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink

from alerts.model import Book, DeadLetter, ReadUp, Tick
from connectors.folder import FileRow
from connectors.kafka import Logged, RawRecord
from dataflows.admission import Admission, Admitted

Rows = list[RawRecord] | list[FileRow]


def add_intake(
    admission: Admission,
    records: Stream[list[RawRecord]],
    files: Stream[list[FileRow]],
    ticks: Stream[Tick | ReadUp],
    books: Stream[Book],
    log: Sink[Any],
    letters: Sink[Any],
) -> Stream[list[DeadLetter]]:
    """Add the intake to a flow; what no door could admit comes back as a stream, and what this one refused goes to
    `letters` as well."""
    rows = op.map("admit-files", files, admission.take_rows)
    admitted = op.merge("admitted", op.map("admit-records", records, admission.take_records), rows)
    arrivals: KeyedStream[list[Logged]] = op.filter_map("arrivals", admitted, _arrivals)
    beats: KeyedStream[list[Logged]] = op.map("ticks", ticks, _beat)
    op.output("intake-log", op.merge("to-log", arrivals, beats, op.map("books", books, _beat)), log)
    op.output("dead-letters", op.filter_map("refused", admitted, _refused), letters)
    return op.filter_map("dead", admitted, _dead)


def _arrivals(admitted: Admitted) -> tuple[str, list[Logged]] | None:
    return ("log", [*admitted.arrivals]) if admitted.arrivals else None


def _beat(record: Tick | ReadUp | Book) -> tuple[str, list[Logged]]:
    return "log", [record]


def _refused(admitted: Admitted) -> tuple[str, list[DeadLetter]] | None:
    return ("letters", admitted.dead) if admitted.dead else None


def _dead(admitted: Admitted) -> list[DeadLetter] | None:
    return [*admitted.dead, *admitted.passed] or None
