"""A brief as a page and as a Word document: both say the same, need nothing else, and have an official form."""

from __future__ import annotations

import re
import zipfile
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import docx
import pytest
from brief_figures import DAY, NAMING, alert, figures, hours, load, matter
from docx.document import Document
from docx.shared import Mm, Pt
from openpyxl import load_workbook

from dataflows.briefs.document import Brief, Chart, Paragraph, Table
from dataflows.briefs.docx_file import document_of
from dataflows.briefs.page import page
from dataflows.briefs.words import NUMERALS
from dataflows.briefs.writing import written

EVIL = "</td><script>alert(1)</script>&\"'"
CHART = {"c": "http://schemas.openxmlformats.org/drawingml/2006/chart"}


class Reader(HTMLParser):
    """Cells of tables, paragraphs, and the names of all elements and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.paragraphs: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self._into: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._into = self.rows[-1]
        elif tag == "p":
            self._into = self.paragraphs
        if tag in ("td", "th", "p") and self._into is not None:
            self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "p"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into:
            self._into[-1] += data


@pytest.fixture(scope="module")
def brief() -> Brief:
    surge = alert(rule="sg.area", kind="surge", subcategory="water", contacts=12, ratio=4.5, state="closed")
    made = figures(
        units=[load("某街道综治中心", 4, 2), load(EVIL, 3)],
        levels={"某街道综治中心": 3, EVIL: 4},
        top=[matter(unit=EVIL)],
        alerts=[surge, alert(rule=EVIL, level="red", acked_at=hours(2), next_level_at=hours(3))],
    )
    return written(made, NAMING, EVIL)


@pytest.fixture(scope="module")
def html(brief: Brief) -> Reader:
    return Reader(page(brief))


@pytest.fixture(scope="module")
def word(brief: Brief) -> bytes:
    return document_of(brief)


@pytest.fixture(scope="module")
def document(word: bytes) -> Document:
    return docx.Document(BytesIO(word))


def blocks(brief: Brief, kind: type[Any]) -> list[Any]:
    return [block for section in brief.sections for block in section.blocks if isinstance(block, kind)]


def test_the_page_has_every_table_and_every_sentence(brief: Brief, html: Reader) -> None:
    tables = [[list(each.columns), *map(list, each.rows)] for each in blocks(brief, Table)]

    assert html.rows == [row for rows in tables for row in rows]
    said = {*brief.summary, *(each.text for each in blocks(brief, Paragraph))}
    assert said <= set(html.paragraphs)


def test_the_page_needs_nothing_and_runs_nothing(brief: Brief, html: Reader) -> None:
    text = page(brief)

    assert "script" not in html.elements
    assert not html.attributes & {"src", "href", "onclick", "onload"}
    assert not re.search(r"@import|url\(", text)
    assert text.count("<svg") == len(blocks(brief, Chart)) == 3
    assert "@page { size: A4" in text


def test_the_document_has_every_table_and_every_sentence(brief: Brief, document: Document) -> None:
    tables = [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
    paragraphs = [paragraph.text for paragraph in document.paragraphs]

    own = [[list(each.columns), *map(list, each.rows)] for each in blocks(brief, Table)]
    assert tables[: len(own)] == own
    assert brief.box.title in tables[len(own)][0][0]
    assert {*brief.summary, *(each.text for each in blocks(brief, Paragraph))} <= set(paragraphs)
    titles = [f"{numeral}、{section.title}" for numeral, section in zip(NUMERALS, brief.sections, strict=False)]
    assert [each.text for each in document.paragraphs if each.style and each.style.name == "Heading 1"] == titles


def test_the_document_has_the_paper_and_letters_of_an_official_one(document: Document) -> None:
    section = document.sections[0]
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(each / Mm(1)) for each in margins if each is not None] == [37, 35, 28, 26]
    paper = (section.page_width, section.page_height)
    assert [round(each / Mm(1)) for each in paper if each is not None] == [210, 297]
    for name, font, size in (
        ("Title", "方正小标宋简体", 22),
        ("Body Text", "仿宋_GB2312", 16),
        ("Heading 1", "黑体", 16),
    ):
        style: Any = document.styles[name]
        assert (style.font.size, f'w:eastAsia="{font}"' in style.element.xml) == (Pt(size), True)
    assert document.styles["Body Text"].paragraph_format.line_spacing == Pt(28)  # type: ignore[attr-defined]
    assert document.core_properties.title == "兰州市2026年11月20日 社会治安综合治理情况"


def test_fonts_that_a_machine_may_lack_have_others_named(word: bytes) -> None:
    fonts = zipfile.ZipFile(BytesIO(word)).read("word/fontTable.xml").decode()

    assert re.search('w:name="仿宋_GB2312"><w:altName w:val="仿宋,FangSong', fonts)
    assert re.search('w:name="方正小标宋简体"><w:altName w:val="方正小标宋_GBK,.*,宋体,SimSun"', fonts)


def test_its_plots_are_charts_of_word_with_their_numbers_in_a_workbook(brief: Brief, word: bytes) -> None:
    archive = zipfile.ZipFile(BytesIO(word))
    for number, chart in enumerate(blocks(brief, Chart), 1):
        root = ElementTree.fromstring(archive.read(f"word/charts/chart{number}.xml"))
        drawn = [int(each.text or "") for each in root.iterfind(".//c:val//c:pt/c:v", CHART)]
        sheet = load_workbook(BytesIO(archive.read(f"word/embeddings/chart{number}.xlsx"))).active
        assert sheet is not None
        rows = [(row[0].value, row[1].value) for row in sheet.iter_rows(min_row=2)]

        assert drawn == list(chart.values)
        assert rows == list(zip(chart.labels, chart.values, strict=True))
        assert root.find("c:externalData", CHART) is not None


def test_a_number_that_is_not_known_is_no_bar() -> None:
    history = [(DAY.before.before, 3), (DAY.before, None), (DAY, 10)]
    archive = zipfile.ZipFile(BytesIO(document_of(written(figures(history=history), NAMING))))
    root = ElementTree.fromstring(archive.read("word/charts/chart1.xml"))

    assert [each.get("idx") for each in root.iterfind(".//c:val//c:pt", CHART)] == ["0", "2"]


def test_words_of_others_cannot_leave_their_place(brief: Brief, html: Reader, document: Document) -> None:
    assert EVIL in [row[0] for row in html.rows]
    assert EVIL not in page(brief)
    assert any(EVIL in cell.text for table in document.tables for row in table.rows for cell in row.cells)
    assert document.core_properties.author == EVIL


def test_the_same_figures_are_the_same_page(brief: Brief) -> None:
    assert re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", page(brief)) == re.sub(
        r"[0-9a-f]{8}-[0-9a-f-]{27}", "", page(brief)
    )
