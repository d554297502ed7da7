"""A brief as a Word document, in the form of a Chinese official brief."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from itertools import count

import docx
from docx.document import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm
from docx.table import Table as WordTable
from docx.table import _Cell

from dataflows.briefs.document import Block, Brief, Chart, Heading, Note, Paragraph, Section, Table
from dataflows.briefs.docx_chart import add_chart
from dataflows.briefs.docx_look import RIGHT, dress, field
from dataflows.briefs.words import NUMERALS

WIDTH = 156  # millimetres between the margins
THICK, THIN, HAIR = 12, 6, 4  # eighths of a point
RED_LINE = 18
SHORT = 13  # rows
COLOPHON = (90, 66)  # millimetres: where it is from, who signs
Edges = dict[str, int]


def document_of(brief: Brief) -> bytes:
    """The document as the bytes of a .docx file."""
    made = docx.Document()
    dress(made)
    _properties(made, brief.heading)
    _head(made, brief.heading)
    for words in brief.summary:
        made.add_paragraph(words, "Body Text")
    numbers = count(1)
    for numeral, section in zip(NUMERALS, brief.sections, strict=False):
        made.add_paragraph(f"{numeral}、{section.title}", "Heading 1")
        for block in section.blocks:
            _block(made, block, numbers)
    _box(made, brief.box)
    _terms(made, brief.terms)
    _colophon(made, brief.colophon)
    _page_numbers(made)
    stream = BytesIO()
    made.save(stream)
    return stream.getvalue()


def _properties(made: Document, heading: Heading) -> None:
    known = made.core_properties
    known.title, known.author, known.subject = " ".join(heading.title.split()), heading.issuer, heading.number
    known.comments = known.keywords = known.last_modified_by = ""
    known.language = "zh-CN"
    known.created = known.modified = datetime(heading.date.year, heading.date.month, heading.date.day)  # noqa: DTZ001


def _head(made: Document, heading: Heading) -> None:
    made.add_paragraph(heading.name, "Brief Name")
    made.add_paragraph(heading.number, "Brief Number")
    imprint = made.add_paragraph(f"{heading.issuer}\t{heading.issued_on}", "Brief Imprint")
    imprint.paragraph_format.tab_stops.add_tab_stop(Mm(WIDTH), WD_TAB_ALIGNMENT.RIGHT)
    borders = OxmlElement("w:pBdr")
    borders.append(_edge("w:bottom", RED_LINE, "C8161D"))
    imprint._p.get_or_add_pPr().insert_element_before(borders, "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr")
    made.add_paragraph(heading.title, "Title")


def _block(made: Document, block: Block, numbers: count[int]) -> None:
    match block:
        case Paragraph(text):
            made.add_paragraph(text, "Body Text")
        case Note(text):
            made.add_paragraph(text, "Brief Note")
        case Chart():
            add_chart(made, made.add_paragraph(style="Brief Figure"), block, next(numbers))
            made.add_paragraph(block.title, "Brief Figure Caption")
        case Table():
            _table(made, block)


def _table(made: Document, block: Table) -> None:
    made.add_paragraph(block.title, "Caption")
    table = made.add_table(rows=0, cols=len(block.columns))
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    widths = block.widths or [1] * len(block.columns)
    whole = sum(widths)
    lengths = [Mm(WIDTH * width / whole) for width in widths]
    for column, length in zip(table.columns, lengths, strict=True):
        column.width = length
    _row(table, block.columns, block, {"top": THICK, "bottom": THIN}, lengths, "Brief Head")
    _repeated(table)
    for number, row in enumerate(block.rows, 1):
        is_last = number == len(block.rows)
        edges = {"bottom": THICK if is_last else HAIR}
        if is_last and block.has_total:
            edges["top"] = THIN
        _row(table, row, block, edges, lengths, "Brief Head" if is_last and block.has_total else "Brief Cell")
    _together(table, is_short=bool(block.numbers) and len(block.rows) <= SHORT)


def _row(
    table: WordTable, words: Sequence[str], block: Table, edges: Edges, lengths: Sequence[Mm], style: str
) -> None:  # fmt: skip
    row = table.add_row()  # type: ignore[no-untyped-call]
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    for number, (cell, word, length) in enumerate(zip(row.cells, words, lengths, strict=True)):
        cell.width = length
        paragraph = cell.paragraphs[0]
        paragraph.style, paragraph.text = style, word
        if number in block.numbers:
            paragraph.alignment = RIGHT
        _edged(cell, edges)


def _together(table: WordTable, is_short: bool) -> None:
    """A short table of numbers stands on one page; of another one the last row stays with the two before it."""
    rows = list(table.rows)
    for row in rows[0 if is_short else -3 : -1]:
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = True


def _repeated(table: WordTable) -> None:
    """The first row stands again on every page."""
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _edged(cell: _Cell, edges: Edges) -> None:
    borders = OxmlElement("w:tcBorders")
    for name in ("top", "left", "bottom", "right"):
        if name in edges:
            borders.append(_edge(f"w:{name}", edges[name], "000000" if edges[name] > HAIR else "CCCCCC"))
    cell._tc.get_or_add_tcPr().append(borders)


def _edge(name: str, eighths: int, color: str) -> BaseOxmlElement:
    edge = OxmlElement(name)
    for key, value in (("val", "single"), ("sz", str(eighths)), ("space", "1"), ("color", color)):
        edge.set(qn(f"w:{key}"), value)
    return edge


def _box(made: Document, box: Section) -> None:
    """A frame around what the numbers do not know."""
    made.add_paragraph("", "Brief Note")
    table = made.add_table(rows=1, cols=1)
    table.autofit, table.columns[0].width = False, Mm(WIDTH)
    cell = table.rows[0].cells[0]
    cell.width = Mm(WIDTH)
    _edged(cell, dict.fromkeys(("top", "left", "bottom", "right"), THICK))
    cell.paragraphs[0].style, cell.paragraphs[0].text = "Brief Box Head", box.title
    for block in box.blocks:
        if isinstance(block, Paragraph):
            cell.add_paragraph(block.text, "Brief Box")


def _terms(made: Document, terms: Section) -> None:
    made.add_paragraph("", "Brief Note")
    made.add_paragraph(terms.title, "Brief Box Head")
    for block in terms.blocks:
        if isinstance(block, Paragraph):
            made.add_paragraph(block.text, "Brief Terms")


def _colophon(made: Document, lines: Sequence[str]) -> None:
    made.add_paragraph("", "Brief Note")
    table = made.add_table(rows=1, cols=len(lines))
    table.autofit = False
    for column, width in zip(table.columns, COLOPHON, strict=True):
        column.width = Mm(width)
    for cell, words, width in zip(table.rows[0].cells, lines, COLOPHON, strict=True):
        cell.width = Mm(width)
        cell.paragraphs[0].style, cell.paragraphs[0].text = "Brief Box", words
        cell.paragraphs[0].paragraph_format.first_line_indent = Mm(0)
        _edged(cell, {"top": THICK, "bottom": THICK})


def _page_numbers(made: Document) -> None:
    """Outside on each page, between two dashes."""
    section = made.sections[0]
    made.settings.odd_and_even_pages_header_footer = True
    for footer, align in ((section.footer, RIGHT), (section.even_page_footer, None)):
        footer.is_linked_to_previous = False
        line = footer.paragraphs[0]
        line.style = "Brief Page"
        line.alignment = align
        line.add_run("— ")
        run = line.add_run()
        for part in field("PAGE"):
            run._r.append(part)
        line.add_run(" —")
