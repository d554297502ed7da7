"""The intake's part of the flow: raw rows in, the intake log and the dead letters out.

Read top to bottom it is the diagram. A step id is part of the saved data.
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink

from alerts.model import Book, DeadLetter, ReadUp, Tick
from connectors.folder import FileRow
from connectors.kafka import Logged, RawRecord
from dataflows.admission import Admission, Admitted

Rows = list[RawRecord] | list[FileRow]


def add_intake(
    flow: Dataflow,
    admission: Admission,
    records: Source[list[RawRecord]],
    files: Source[list[FileRow]] | None,
    ticks: Source[Tick | ReadUp],
    log: Sink[Any],
    books: Source[Book] | None = None,
) -> Stream[list[DeadLetter]]:
    """Add the intake to a flow; what it could not admit comes back as a stream."""
    admitted = op.map("admit-records", op.input("raw", flow, records), admission.take_records)
    if files is not None:
        rows = op.map("admit-files", op.input("files", flow, files), admission.take_rows)
        admitted = op.merge("admitted", admitted, rows)
    arrivals: KeyedStream[list[Logged]] = op.filter_map("arrivals", admitted, _arrivals)
    beats: KeyedStream[list[Logged]] = op.map("ticks", op.input("clock", flow, ticks), _beat)
    logged = op.merge("to-log", arrivals, beats)
    if books is not None:
        logged = op.merge("books-to-log", logged, op.map("books", op.input("rule-books", flow, books), _beat))
    op.output("intake-log", logged, log)
    return op.filter_map("dead", admitted, _dead)


def _arrivals(admitted: Admitted) -> tuple[str, list[Logged]] | None:
    return ("log", [*admitted.arrivals]) if admitted.arrivals else None


def _beat(record: Tick | ReadUp | Book) -> tuple[str, list[Logged]]:
    return "log", [record]


def _dead(admitted: Admitted) -> list[DeadLetter] | None:
    return admitted.dead or None
