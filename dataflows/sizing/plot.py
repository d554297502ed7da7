"""What grows with the number of residents, as a picture: SVG without script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pygal
from pygal.style import Style

from dataflows.briefs.plots import as_picture
from dataflows.sizing.answers import answer
from dataflows.sizing.centre import Centre
from dataflows.sizing.costs import Costs

RESIDENTS = (
    100_000, 200_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 25_000_000, 80_000_000, 300_000_000,
    1_400_000_000,
)  # fmt: skip
WIDTH, HEIGHT = 900, 460  # pixels
POWERS = 6  # of ten on the axis
INK, GUIDE = "#333333", "#e3e3e3"
DASHES = "6,5"
DASHED = {"stroke_style": {"dasharray": DASHES}}


class Curve(NamedTuple):
    """One figure over all sizes."""

    name: str
    field: str
    colour: str


CURVES = (
    Curve("cores", "cores", "#2f5d8a"),
    Curve("memory, GB", "memory_gb", "#b3262b"),
    Curve("disk, GB", "disk_gb", "#4f8a4f"),
)


def picture(wanted: Centre, costs: Costs) -> bytes:
    """Cores, memory and disk for more and more residents, all else as wanted; dashed where nothing was measured."""
    per_resident = wanted.events / wanted.residents
    sizes = [
        msgspec.structs.replace(wanted, residents=count, events_per_day=count * per_resident) for count in RESIDENTS
    ]
    answers = [answer(each, costs) for each in sizes]
    last = sum(each.is_measured for each in answers)
    drawn = _frame()
    for curve in CURVES:
        values = [getattr(each, curve.field) for each in answers]
        drawn.add(curve.name, _part(values, 0, last))
        drawn.add(f"{curve.name}, extrapolated", _part(values, max(last - 1, 0), len(values)), **DASHED)
    drawn.add_xml_filter(as_picture)
    svg: bytes = drawn.render()
    return svg


def _part(values: Sequence[float], first: int, end: int) -> list[float | None]:
    return [value if first <= number < end else None for number, value in enumerate(values)]


def _frame() -> pygal.Line:
    style = Style(
        colors=tuple(curve.colour for curve in CURVES for _ in range(2)), background="white", plot_background="white",
        foreground=INK, foreground_strong=INK, foreground_subtle=INK, guide_stroke_color=GUIDE,
        major_guide_stroke_color=GUIDE, guide_stroke_dasharray="0", major_guide_stroke_dasharray="0", opacity=1,
        transition="0s", font_family="sans-serif", label_font_size=12, major_label_font_size=12,
    )  # fmt: skip
    frame = pygal.Line(
        style=style, width=WIDTH, height=HEIGHT, js=(), logarithmic=True, explicit_size=True, legend_at_bottom=True,
        legend_at_bottom_columns=2, truncate_legend=-1, truncate_label=-1, formatter="{:,.4g}".format,
        title="What it takes, by residents", x_title="residents",
    )  # fmt: skip
    frame.y_labels = [10**power for power in range(POWERS)]
    frame.uuid = "sizing"  # by itself it would be another one each time
    frame.x_labels = [f"{count / 1e6:g} m" for count in RESIDENTS]
    return frame
