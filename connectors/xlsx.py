"""Rows of a spreadsheet, read one at a time; every cell as the text a person sees."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import msgspec
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from connectors.rows import Failure, Format, Row, wrong_width


def read_xlsx(path: Path, how: Format) -> Iterator[Row | Failure]:
    """All rows below the header of one sheet. Empty rows are passed over."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # it may be a workbook, but the system does not let us read it
        yield Failure(0, "bad_encoding", f"file must be an XLSX workbook; got {error}", b"")
        return
    try:
        if how.sheet is not None and how.sheet not in book.sheetnames:
            names = ", ".join(book.sheetnames)
            yield Failure(0, "missing_column", f"workbook must have the sheet `{how.sheet}`; got {names}", b"")
            return
        sheet = book[how.sheet] if how.sheet is not None else book.worksheets[0]
        yield from _rows(sheet.iter_rows(values_only=True), how)
    except (ParseError, zipfile.BadZipFile, zlib.error, KeyError, ValueError) as error:
        yield Failure(0, "bad_encoding", f"sheet must be whole; got {error}", b"")
    finally:
        book.close()


def _rows(rows: Iterator[tuple[Any, ...]], how: Format) -> Iterator[Row | Failure]:
    header: list[str] = []
    for number, cells in enumerate(rows, 1):
        if number < how.header or all(cell is None for cell in cells):
            continue
        texts = [_text(cell) for cell in cells]
        if not header:
            header = _trim(texts)
            continue
        raw = msgspec.json.encode(texts)
        if len(raw) > how.max_line:
            sentence = f"row must be at most {how.max_line} bytes; got {len(raw)}"
            yield Failure(number, "too_large", sentence, raw)
        elif len(_trim(texts)) > len(header):
            yield Failure(number, *wrong_width(header, _trim(texts)), raw)
        else:
            texts += [""] * (len(header) - len(texts))
            yield Row(number, dict(zip(header, texts, strict=False)))


def _trim(texts: list[str]) -> list[str]:
    """Without the empty cells at the end, which a spreadsheet adds as it likes."""
    end = len(texts)
    while end and not texts[end - 1].strip():
        end -= 1
    return [text.strip() for text in texts[:end]]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a phone number that the spreadsheet took for a number
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "microseconds" if cell.microsecond else "seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
