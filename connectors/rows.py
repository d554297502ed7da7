"""Read raw rows from files: CSV, XLSX and JSON lines, plain or gzipped, one at a time, whatever is in them.

A row that cannot be read is a `Failure` in its place, and reading goes on with the next line.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast

import msgspec
from msgspec import Struct

from connectors.deadletter import Reason

MAX_LINE_BYTES = 1 << 20
ENCODINGS = ("utf-8", "gb18030")
_BOM = b"\xef\xbb\xbf"


class Format(Struct, frozen=True):
    """How an export is written."""

    type: Literal["csv", "xlsx", "jsonl"] = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None  # the first, unless named
    header: int = 1  # the row with the names of the columns (CSV, XLSX)
    max_line: int = MAX_LINE_BYTES


class Row(NamedTuple):
    """One row: its line (or row of the sheet) and its columns."""

    position: int
    fields: dict[str, Any]


class Failure(NamedTuple):
    """A row that could not be read: where, why, and its beginning."""

    position: int
    reason: Reason
    sentence: str
    raw: bytes


def read_rows(path: Path | str, how: Format) -> Iterator[Row | Failure]:
    """All rows of a file, in order. A name that ends in `.gz` is unpacked on the way."""
    path = Path(path)
    if how.type == "xlsx":
        from connectors.xlsx import read_xlsx  # a spreadsheet library is heavy; few exports need it

        yield from read_xlsx(path, how)
        return
    # a GzipFile is buffered and has all of IO that is needed here
    with cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb") as stream:
        yield from read_stream(stream, how)


def read_stream(stream: IO[bytes], how: Format) -> Iterator[Row | Failure]:
    """All rows of an open binary stream of CSV or JSON lines."""
    lines = _Lines(stream, how)
    return _csv_rows(lines, how) if how.type == "csv" else _json_rows(lines)


class _BadLineError(Exception):
    """Becomes a `Failure`."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Reason = reason
        self.sentence = sentence


class _Lines:
    """Decoded lines of a stream that remember the bytes of the row they belong to.

    It survives its own errors: `csv.reader` drops the row it was in and asks for the next line.
    """

    def __init__(self, stream: IO[bytes], how: Format) -> None:
        self._stream = stream
        self._encoding = how.encoding
        self._limit = how.max_line
        self.number = 0  # of the line read last
        self.first = 1  # line of the row
        self._parts: list[bytes] = []
        self._size = 0
        self._is_broken = False

    def start_row(self) -> None:
        self.first = self.number + 1
        self._parts.clear()
        self._size = 0

    @property
    def raw(self) -> bytes:
        """The bytes of the row so far."""
        return b"".join(self._parts)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._read_line()
        if not line:
            raise StopIteration
        self.number += 1
        if self.number == 1 and line.startswith(_BOM):
            line = line[len(_BOM) :]
        self._parts.append(line)
        self._size += len(line)
        if self._size > self._limit:
            self._skip_line(line)
            raise _BadLineError("too_large", f"row must be at most {self._limit} bytes; got more")
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError as error:
            wrong = f"byte {error.object[error.start]} at {error.start}"
            raise _BadLineError("bad_encoding", f"row must be {self._encoding}; got {wrong}") from None

    def _read_line(self) -> bytes:
        if self._is_broken:
            return b""
        try:
            return self._stream.readline(self._limit + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self._is_broken = True
            self.number += 1
            raise _BadLineError("bad_encoding", f"file must be whole gzip; got {error}") from None

    def _skip_line(self, line: bytes) -> None:
        """Go to the end of a line that is too long, without keeping it."""
        while line and not line.endswith(b"\n"):
            line = self._read_line()

    def failure(self, reason: Reason, sentence: str) -> Failure:
        return Failure(self.first, reason, sentence, self.raw)


def _json_rows(lines: _Lines) -> Iterator[Row | Failure]:
    decode = msgspec.json.Decoder().decode
    while True:
        lines.start_row()
        try:
            text = next(lines)
            if not text.strip():
                continue
            fields = decode(text)
        except StopIteration:
            return
        except _BadLineError as bad:
            yield lines.failure(bad.reason, bad.sentence)
            continue
        except (msgspec.DecodeError, RecursionError) as error:
            yield lines.failure("bad_json", f"row must be JSON; got {error}")
            continue
        if isinstance(fields, dict):
            yield Row(lines.first, fields)
        else:
            yield lines.failure("bad_json", f"row must be a JSON object; got {type(fields).__name__}")


def _csv_rows(lines: _Lines, how: Format) -> Iterator[Row | Failure]:
    reader = csv.reader(lines, delimiter=how.delimiter, strict=False)
    csv.field_size_limit(max(csv.field_size_limit(), how.max_line))
    header: list[str] | None = None
    for _ in range(how.header - 1):
        next(lines, None)
    while True:
        lines.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _BadLineError as bad:
            yield lines.failure(bad.reason, bad.sentence)
            continue
        except csv.Error as error:
            yield lines.failure("bad_value", f"row must be CSV; got {error}")
            continue
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
        elif len(cells) == len(header):
            yield Row(lines.first, dict(zip(header, cells, strict=True)))
        else:
            yield lines.failure(*wrong_width(header, cells))


def wrong_width(header: list[str], cells: Iterable[Any]) -> tuple[Reason, str]:
    """Why a row with more or fewer cells than the header has is no row."""
    count = len(list(cells))
    reason: Reason = "missing_column" if count < len(header) else "bad_value"
    return reason, f"row must have the {len(header)} columns of the header; got {count}"
