"""A report's columns as a picture: SVG without script, to be shown beside the table."""

from __future__ import annotations

from functools import partial

import pygal
from pygal.style import Style

from benchmarks.report import Cell, Plot, Report, cell_text
from dataflows.briefs.plots import as_picture

WIDTH, LINES_HEIGHT, BAR_HEIGHT, FRAME_HEIGHT = 900, 460, 30, 150  # pixels
INK, GUIDE = "#333333", "#e3e3e3"
# pale for bars, that the figures in them can be read; the lines are drawn in the strong ones
PALE = ("#9fb1c6", "#e0a8a4", "#a9c9a9", "#e0c79b", "#c3b8d9", "#c4c4c4")
STRONG = ("#2f5d8a", "#b3262b", "#4f8a4f", "#b07d2b", "#6b5b95", "#777777")

_Style = partial(
    Style,
    background="white", plot_background="white", foreground=INK, foreground_strong=INK, foreground_subtle=INK,
    guide_stroke_color=GUIDE, major_guide_stroke_color=GUIDE, guide_stroke_dasharray="0",
    major_guide_stroke_dasharray="0", opacity=1, transition="0s", font_family="sans-serif", label_font_size=12,
    major_label_font_size=12, value_font_size=12, value_colors=(INK,) * len(PALE),
)  # fmt: skip


def to_svg(report: Report) -> bytes | None:
    """The picture; None when the report has none."""
    if report.plot is None:
        return None
    drawn = _bars(report, report.plot) if report.plot.kind == "bars" else _lines(report, report.plot)
    drawn.add_xml_filter(as_picture)
    svg: bytes = drawn.render()
    return svg


def _bars(report: Report, plot: Plot) -> pygal.HorizontalBar:
    """Lying bars, the first row on top; what was not measured has none."""
    measured = [row for row in report.rows if any(_number(row[at]) is not None for at in _places(report, plot))]
    bars = pygal.HorizontalBar(
        height=FRAME_HEIGHT + BAR_HEIGHT * len(measured) * len(plot.values), print_values=True, **_frame(report, plot)
    )
    where = report.columns.index(plot.labels)
    bars.x_labels = [cell_text(row[where]) for row in reversed(measured)]
    for name, at in zip(plot.values, _places(report, plot), strict=True):
        bars.add(name, [_number(row[at]) for row in reversed(measured)])
    return bars


def _lines(report: Report, plot: Plot) -> pygal.Line:
    lines = pygal.Line(height=LINES_HEIGHT, **_frame(report, plot))
    lines.x_labels = [cell_text(cell) for cell in report.column(plot.labels)]
    for name in plot.values:
        lines.add(name, [_number(cell) for cell in report.column(name)])
    return lines


def _frame(report: Report, plot: Plot) -> dict[str, object]:
    colours = PALE if plot.kind == "bars" else STRONG
    return {
        "style": _Style(colors=colours), "width": WIDTH, "js": (), "title": report.title, "legend_at_bottom": True,
        "show_legend": len(plot.values) > 1, "logarithmic": plot.logarithmic, "formatter": cell_text,
        "truncate_label": -1, "explicit_size": True, "include_x_axis": not plot.logarithmic,
    }  # fmt: skip


def _places(report: Report, plot: Plot) -> list[int]:
    return [report.columns.index(name) for name in plot.values]


def _number(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None
