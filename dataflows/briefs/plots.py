"""The plots of a brief as pictures inside a page: they need no script, and their letters are the reader's own."""

from __future__ import annotations

from functools import partial
from xml.etree.ElementTree import Element

from markupsafe import Markup
from pygal import Bar, HorizontalBar
from pygal.style import Style

from dataflows.briefs.document import Chart

INK, PALE, MARKED, LINE = "#333333", "#9fb1c6", "#b3262b", "#e3e3e3"
WIDTH, STANDING, LYING = 640, 200, 26  # pixels: of all, the height of one whose bars stand, and of a bar that lies
LABELS = 8  # below the bars; more would run into each other
FONT = "'FangSong', 'FangSong_GB2312', 'STFangsong', 'Noto Serif CJK SC', serif"

_Style = partial(
    Style,
    background="transparent", plot_background="transparent", foreground=INK, foreground_strong=INK,
    foreground_subtle=INK, font_family=FONT, label_font_size=12, major_label_font_size=12, value_font_size=12,
    guide_stroke_color=LINE, major_guide_stroke_color=LINE, guide_stroke_dasharray="0",
    major_guide_stroke_dasharray="0", opacity=1, transition="0s",
)  # fmt: skip


def picture(chart: Chart) -> Markup:
    """The plot as SVG."""
    drawn = _lying(chart) if chart.lying else _standing(chart)
    drawn.add_xml_filter(as_picture)
    return Markup(drawn.render())


def _standing(chart: Chart) -> Bar:
    bars = Bar(
        style=_Style(colors=(PALE,)), width=WIDTH, height=STANDING, show_minor_x_labels=False,
        x_labels_major=majors(chart), **_FRAME,
    )  # fmt: skip
    bars.x_labels = list(chart.labels)
    bars.add(
        chart.unit,
        [{"value": value, "color": MARKED if n == chart.marked else PALE} for n, value in enumerate(chart.values)],
    )
    return bars


def _lying(chart: Chart) -> HorizontalBar:
    bars = HorizontalBar(
        style=_Style(colors=(PALE,), value_colors=(INK,)), width=WIDTH, height=40 + LYING * len(chart.values),
        print_values=True, print_values_position="center", show_x_labels=False, margin_left=76, **_FRAME,
    )  # fmt: skip
    bars.x_labels = list(chart.labels)[::-1]  # it begins at the bottom
    bars.add(chart.unit, list(chart.values)[::-1])
    return bars


_FRAME = {
    "js": (), "show_legend": False, "explicit_size": True, "disable_xml_declaration": True, "margin": 4, "spacing": 6,
    "truncate_label": -1, "min_scale": 2, "max_scale": 5, "range_min": 0, "formatter": "{:.0f}".format,
    "include_x_axis": True,
}  # fmt: skip


def majors(chart: Chart) -> list[str]:
    """So many labels, from the first on."""
    step = max(1, -(-len(chart.labels) // LABELS))
    return [label for n, label in enumerate(chart.labels) if n % step == 0]


def as_picture(root: Element) -> Element:
    """A picture as it is, but for what would run in a page, and for comments, which say the day it was drawn."""
    for around in list(root.iter()):
        for inner in list(around):
            if not isinstance(inner.tag, str) or inner.tag.rpartition("}")[2] == "script":
                around.remove(inner)
    return root
