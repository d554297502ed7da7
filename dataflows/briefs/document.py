"""A brief as a document, whatever it is written as: a heading, sections, and in them paragraphs, tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple


class Paragraph(NamedTuple):
    """Sentences."""

    text: str


class Note(NamedTuple):
    """A smaller line that says what a table or plot means, or why something is not there."""

    text: str


class Table(NamedTuple):
    """Rows of words; columns that are named in `numbers` stand to the right. `widths` are parts of the whole."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    widths: Sequence[int] = ()
    has_total: bool = False  # the last row is the sum of the others


class Chart(NamedTuple):
    """Bars: a number for each label, none where it is not known. Those that lie have their numbers beside them."""

    title: str
    labels: Sequence[str]
    values: Sequence[int | None]
    unit: str
    marked: int | None = None  # the bar that the brief is about
    lying: bool = False


Block = Paragraph | Note | Table | Chart


class Section(NamedTuple):
    """A numbered part of a brief."""

    title: str
    blocks: Sequence[Block]


class Heading(NamedTuple):
    """What stands above the red line, and below it the title."""

    name: str  # 综治日报
    number: str
    issuer: str
    issued_on: str
    title: str
    date: date


class Brief(NamedTuple):
    """The whole document. `box` says what the numbers do not know; it stands behind all sections."""

    heading: Heading
    summary: Sequence[str]
    sections: Sequence[Section]
    box: Section
    terms: Section
    colophon: Sequence[str]
