"""How a brief looks in Word: paper, letters and lines of a Chinese official document (GB/T 9704).

A4 with 37 mm above, 35 below, 28 on the left and 26 on the right; the title in 小标宋 of size 2 (22 pt), the text in
仿宋 of size 3 (16 pt), 22 lines on a page, heads of sections in 黑体. A font that the reader's machine does not have is
replaced by the one that is named after it.
"""

from __future__ import annotations

from typing import NamedTuple

from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import nsdecls, qn
from docx.shared import Length, Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle

TITLE_FONT, BODY_FONT, HEAD_FONT, LATIN = "方正小标宋简体", "仿宋_GB2312", "黑体", "Times New Roman"
# what stands in for a font: other names of it, and the nearest that every machine has
OTHER_NAMES = {
    TITLE_FONT: "方正小标宋_GBK,FZXiaoBiaoSong-B05S,华文中宋,STZhongsong,宋体,SimSun",
    BODY_FONT: "仿宋,FangSong,华文仿宋,STFangsong",
    HEAD_FONT: "SimHei,微软雅黑,Microsoft YaHei",
}
RED = RGBColor(0xC8, 0x16, 0x1D)
GREY = RGBColor(0x55, 0x55, 0x55)
LINE = Pt(28)  # 22 lines on the 225 mm of a page


class Look(NamedTuple):
    """A style of paragraphs: letters, their size, and how the lines stand. `indent` is in characters."""

    font: str
    size: float
    line: Length | float = LINE
    indent: int = 0
    align: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.LEFT
    above: float = 0
    below: float = 0
    color: RGBColor | None = None
    keeps_next: bool = False


CENTRE, RIGHT, BOTH = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT, WD_ALIGN_PARAGRAPH.JUSTIFY
LOOKS = {
    "Brief Name": Look(TITLE_FONT, 52, 1.0, 0, CENTRE, color=RED),
    "Brief Number": Look(BODY_FONT, 16, LINE, 0, CENTRE, below=6),
    "Brief Imprint": Look(BODY_FONT, 16, LINE),
    "Title": Look(TITLE_FONT, 22, Pt(34), 0, CENTRE, above=20, below=16),
    "Body Text": Look(BODY_FONT, 16, LINE, 2, BOTH),
    "Heading 1": Look(HEAD_FONT, 16, LINE, 2, above=6, keeps_next=True),
    "Caption": Look(HEAD_FONT, 12, Pt(22), 0, CENTRE, above=4, keeps_next=True),
    "Brief Figure": Look(BODY_FONT, 10.5, 1.0, 0, CENTRE, above=6, keeps_next=True),
    "Brief Figure Caption": Look(HEAD_FONT, 12, Pt(22), 0, CENTRE),
    "Brief Cell": Look(BODY_FONT, 10.5, 1.0, above=1.5, below=1.5),
    "Brief Head": Look(HEAD_FONT, 10.5, 1.0, above=2, below=2, keeps_next=True),
    "Brief Note": Look(BODY_FONT, 10.5, Pt(18), 0, BOTH, above=2, below=6, color=GREY),
    "Brief Terms": Look(BODY_FONT, 10.5, Pt(16), 0, BOTH, color=GREY, keeps_next=True),
    "Brief Box": Look(BODY_FONT, 12, Pt(20), 2, BOTH),
    "Brief Box Head": Look(HEAD_FONT, 12, Pt(24), 0, keeps_next=True),
    "Brief Page": Look("宋体", 14, 1.0),
}


def dress(document: Document) -> None:
    """Give an empty document the paper, the styles and the fonts."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(26)
    for name, look in LOOKS.items():
        _style(document, name, look)
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:eastAsia"), "zh-CN")  # else some programs take the punctuation of another country
    _fonts(document)


def lettered(run_properties: object, font: str) -> None:
    """Set Chinese letters in a font, and digits and Latin letters as official documents have them."""
    fonts = run_properties.get_or_add_rFonts()  # type: ignore[attr-defined]
    for name in list(fonts.attrib):
        del fonts.attrib[name]
    for script, chosen in (("w:ascii", LATIN), ("w:hAnsi", LATIN), ("w:cs", LATIN), ("w:eastAsia", font)):
        fonts.set(qn(script), chosen)


def _style(document: Document, name: str, look: Look) -> None:
    styles = document.styles
    known = {style.name for style in styles}
    style = styles[name] if name in known else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    assert isinstance(style, ParagraphStyle)
    style.base_style = styles["Normal"]
    font, lines = style.font, style.paragraph_format
    lettered(style.element.get_or_add_rPr(), look.font)
    font.size, font.bold, font.italic = Pt(look.size), False, False
    font.color.rgb = look.color or RGBColor(0, 0, 0)
    lines.line_spacing = look.line
    if isinstance(look.line, Length):
        lines.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    lines.space_before, lines.space_after = Pt(look.above), Pt(look.below)
    lines.alignment, lines.keep_with_next = look.align, look.keeps_next
    _plain(style.element)
    if look.indent:
        indent = style.element.get_or_add_pPr().get_or_add_ind()
        indent.set(qn("w:firstLineChars"), str(100 * look.indent))
        indent.set(qn("w:firstLine"), str(int(20 * look.size * look.indent)))


def _plain(element: object) -> None:
    """Without the blue line that the template draws under a title."""
    properties = element.get_or_add_pPr()  # type: ignore[attr-defined]
    for border in properties.findall(qn("w:pBdr")):
        properties.remove(border)


def _fonts(document: Document) -> None:
    """The table of fonts: what each is also called, and what may stand in for it."""
    part = document.part
    assert part.package is not None
    for key, relation in list(part.rels.items()):
        if relation.reltype == RELATIONSHIP_TYPE.FONT_TABLE:
            part.drop_rel(key)
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{others}"/><w:charset w:val="86"/><w:family w:val="auto"/></w:font>'
        for name, others in OTHER_NAMES.items()
    )
    xml = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts {nsdecls("w")}>{fonts}</w:fonts>'
    table = Part(PackURI("/word/fontTable.xml"), CONTENT_TYPE.WML_FONT_TABLE, xml.encode(), part.package)
    part.relate_to(table, RELATIONSHIP_TYPE.FONT_TABLE)


def field(code: str) -> list[object]:
    """The runs of a field, such as the number of the page."""
    parts = []
    for kind in ("begin", "separate", "end"):
        char = OxmlElement("w:fldChar")
        char.set(qn("w:fldCharType"), kind)
        parts.append(char)
    text = OxmlElement("w:instrText")
    text.set(qn("xml:space"), "preserve")
    text.text = code
    return [parts[0], text, parts[1], parts[2]]
