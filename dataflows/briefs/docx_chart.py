"""A plot of a brief as a chart of Word: drawn by the reader's program with the reader's letters, its numbers beside it.

No picture is made here, so no Chinese font is needed where briefs are written, and whoever edits the brief can edit
the plot: the numbers are in a small workbook inside the document.
"""

from __future__ import annotations

from io import BytesIO
from xml.sax.saxutils import quoteattr

from docx.document import Document
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.oxml import serialize_part_xml
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Mm
from docx.text.paragraph import Paragraph
from openpyxl import Workbook
from openpyxl.chart import BarChart
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.chartspace import ChartContainer, ChartSpace
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.marker import DataPoint
from openpyxl.chart.plotarea import PlotArea
from openpyxl.chart.series import Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, ParagraphProperties
from openpyxl.drawing.text import Paragraph as TextLine
from openpyxl.xml.functions import Element

from dataflows.briefs.document import Chart
from dataflows.briefs.plots import LABELS, LINE, MARKED, PALE, majors

WIDTH, STANDING, LYING, AXIS = Mm(156), Mm(40), Mm(4.6), Mm(6)
POINTS = 900  # hundredths of a point: the size of letters in a plot
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CHARTS = "http://schemas.openxmlformats.org/drawingml/2006/chart"


def add_chart(document: Document, paragraph: Paragraph, chart: Chart, number: int) -> None:
    """Put the plot into a paragraph. `number` is a number of its own in the document, from 1 on."""
    package = document.part.package
    assert package is not None
    book = Part(PackURI(f"/word/embeddings/chart{number}.xlsx"), CONTENT_TYPE.SML_SHEET, _workbook(chart), package)
    part = Part(PackURI(f"/word/charts/chart{number}.xml"), CONTENT_TYPE.DML_CHART, b"", package)
    inside = part.relate_to(book, RELATIONSHIP_TYPE.PACKAGE)
    part._blob = _xml(chart, inside)
    outside = document.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
    height = AXIS + LYING * len(chart.values) if chart.lying else STANDING
    paragraph.add_run()._r.append(parse_xml(_frame(outside, number, chart.title, WIDTH, height)))


def _workbook(chart: Chart) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["", chart.unit])
    for label, value in zip(chart.labels, chart.values, strict=True):
        sheet.append([label, value])
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _xml(chart: Chart, book: str) -> bytes:
    bars = BarChart(barDir="bar" if chart.lying else "col", gapWidth=40, varyColors=False)
    bars.ser = [_series(chart)]
    _axes(bars, chart)
    area = PlotArea()
    area.barChart = bars
    bare = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    space = ChartSpace(roundedCorners=False, chart=ChartContainer(plotArea=area, plotVisOnly=True), spPr=bare)
    root = space.to_tree()
    root.append(Element(f"{{{CHARTS}}}externalData", {f"{{{RELATIONSHIPS}}}id": book}))
    return serialize_part_xml(root)


def _series(chart: Chart) -> Series:
    count = len(chart.values)
    known = [NumVal(n, v=each) for n, each in enumerate(chart.values) if each is not None]
    values = NumData(formatCode="General", ptCount=count, pt=known)
    labels = StrData(ptCount=count, pt=[StrVal(n, each) for n, each in enumerate(_shown(chart))])
    series = Series(
        idx=0,
        order=0,
        val=NumDataSource(numRef=NumRef(f=f"Sheet!$B$2:$B${count + 1}", numCache=values)),
        cat=AxDataSource(strRef=StrRef(f=f"Sheet!$A$2:$A${count + 1}", strCache=labels)),
        spPr=GraphicalProperties(solidFill=PALE[1:]),
    )
    if chart.marked is not None:
        series.dPt = [DataPoint(idx=chart.marked, spPr=GraphicalProperties(solidFill=MARKED[1:]))]
    if chart.lying:
        series.dLbls = DataLabelList(
            showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False, txPr=_letters()
        )  # fmt: skip
    return series


def _axes(bars: BarChart, chart: Chart) -> None:
    for axis in (bars.x_axis, bars.y_axis):
        axis.delete = False
        axis.txPr = _letters()
        axis.majorTickMark = "none"
    bars.y_axis.scaling.min = 0
    bars.y_axis.number_format = "General"
    bars.y_axis.majorGridlines = ChartLines(spPr=GraphicalProperties(ln=LineProperties(solidFill=LINE[1:])))
    bars.y_axis.spPr = GraphicalProperties(ln=LineProperties(noFill=True))
    if chart.lying:
        bars.x_axis.scaling.orientation = "maxMin"
        bars.y_axis.delete = True
        bars.y_axis.majorGridlines = None
    else:
        bars.x_axis.tickLblSkip = max(1, -(-len(chart.labels) // LABELS))


def _shown(chart: Chart) -> list[str]:
    """The labels that are written; all of them would run into each other, and not every program leaves some out."""
    chosen = set(chart.labels) if chart.lying else set(majors(chart))
    return [label if label in chosen else "" for label in chart.labels]


def _letters() -> RichText:
    look = CharacterProperties(sz=POINTS)
    return RichText(p=[TextLine(pPr=ParagraphProperties(defRPr=look), endParaRPr=look)])


def _frame(relation: str, number: int, title: str, width: int, height: int) -> str:
    return f"""
    <w:drawing {nsdecls("w", "wp", "a", "r")}>
      <wp:inline distT="0" distB="0" distL="0" distR="0">
        <wp:extent cx="{int(width)}" cy="{int(height)}"/>
        <wp:docPr id="{number}" name="chart {number}" descr={quoteattr(title)}/>
        <wp:cNvGraphicFramePr/>
        <a:graphic>
          <a:graphicData uri="{CHARTS}"><c:chart xmlns:c="{CHARTS}" r:id="{relation}"/></a:graphicData>
        </a:graphic>
      </wp:inline>
    </w:drawing>"""
