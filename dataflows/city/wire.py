"""Raw rows as departments send them: JSON for Kafka and HTTP, CSV and XLSX files for the drop folder."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec
from msgspec import Struct

from dataflows.city.exports import court, petition, superior
from dataflows.city.report import RawRow
from dataflows.city.spreadsheet import spreadsheet
from dataflows.city.when import compact

ENCODINGS = {"petition-letters": petition.ENCODING, "superior-orders": superior.ENCODING}
COLUMNS: dict[str, Sequence[str]] = {
    "petition-letters": petition.COLUMNS,
    "superior-orders": superior.COLUMNS,
    "court-mediation": court.COLUMNS,
}

_encode = msgspec.json.Encoder().encode


class Drop(Struct, frozen=True):
    """One file as it lies in `drop/<mapping>/`."""

    arrives_at_us: int
    mapping: str
    name: str
    content: bytes


def to_bytes(row: RawRow) -> bytes:
    """A row for Kafka or HTTP: one JSON object, or the broken bytes as they are."""
    return row.row if isinstance(row.row, bytes) else _encode(row.row)


def to_files(rows: Iterable[RawRow]) -> Iterator[Drop]:
    """The files in which rows of way `file` arrive: what arrives together with the same columns is one file.

    Rows of the other ways are left out; the order of the files is the order of their arrival.
    """
    files = (row for row in rows if row.way == "file")
    number = 0
    for arrives, batch in groupby(files, lambda row: row.arrives_at_us):
        for (mapping, columns), part in _by_header(batch).items():
            number += 1
            ending = "csv" if mapping in ENCODINGS else "xlsx"
            name = f"{mapping}-{compact(arrives)}-{number}.{ending}"
            yield Drop(arrives, mapping, name, _content(mapping, columns, part))


def _by_header(rows: Iterable[RawRow]) -> dict[tuple[str, tuple[str, ...]], list[RawRow]]:
    parts: dict[tuple[str, tuple[str, ...]], list[RawRow]] = {}
    for row in rows:
        columns = COLUMNS[row.mapping] if isinstance(row.row, bytes) else row.row
        parts.setdefault((row.mapping, tuple(columns)), []).append(row)
    return parts


def _content(mapping: str, columns: tuple[str, ...], rows: list[RawRow]) -> bytes:
    if mapping not in ENCODINGS:
        cells = [[str(value) for value in row.row.values()] for row in rows if isinstance(row.row, dict)]
        return spreadsheet([list(columns), *cells])
    encoding = ENCODINGS[mapping]
    lines = [(BOM_UTF8 if encoding == "utf-8" else b"") + _line(columns, encoding)]  # as Excel saves it
    lines += [row.row + b"\r\n" if isinstance(row.row, bytes) else _line(row.row.values(), encoding) for row in rows]
    return b"".join(lines)


def _line(cells: Iterable[object], encoding: str) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(encoding, "replace")
