"""A report reads the same on the terminal, in Markdown and in JSON."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from benchmarks.machine import Machine
from benchmarks.plot import to_svg
from benchmarks.report import Cell, Plot, Report, cell_text, from_json, to_json, to_markdown, to_table

MACHINE = Machine("Some CPU", 2, 24.0, "Linux 6.1", "3.11.7", (0.1, 0.2, 0.3))
REPORT = Report(
    title="Job R",
    columns=("program", "events per CPU second", "exact"),
    rows=(("plain", 88_123.4, True), ("a|b", None, None)),
    notes=("On 200,000 events.",),
    plot=Plot("program", ("events per CPU second",)),
    details={"runs": {"plain": [1.0, 2.0]}},
    machine=MACHINE,
)


def test_markdown_is_a_table_with_its_notes_and_its_machine() -> None:
    assert to_markdown(REPORT) == (
        "### Job R\n\n"
        "| program | events per CPU second | exact |\n"
        "| --- | ---: | --- |\n"
        "| plain | 88,123 | yes |\n"
        "| a\\|b | – | – |\n\n"
        "* On 200,000 events.\n"
        "* Some CPU, 2 cores, 24 GB, Linux 6.1, Python 3.11.7, load 0.1 / 0.2 / 0.3\n"
    )


def test_json_brings_the_same_report_back() -> None:
    assert from_json(to_json(REPORT)) == REPORT


def test_the_terminal_shows_every_cell() -> None:
    written = StringIO()

    Console(file=written, width=100).print(to_table(REPORT))

    for text in ("Job R", "plain", "88,123", "yes", "On 200,000 events.", "Some CPU"):
        assert text in written.getvalue()


@pytest.mark.parametrize("plot", [Plot("program", ("speed",)), Plot("program", ("speed",), "lines", logarithmic=True)])
def test_a_plot_is_a_picture_without_script(plot: Plot) -> None:
    report = Report(
        title="t", columns=("program", "speed"), rows=(("plain", 1.0), ("ours", 4.0), ("not built", None)), plot=plot
    )

    svg = to_svg(report)

    assert svg is not None
    assert b"<svg" in svg
    assert b"plain" in svg
    assert b"<script" not in svg


def test_a_report_without_a_plot_has_no_picture() -> None:
    assert to_svg(Report(title="t", columns=("a",), rows=((1,),))) is None


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, "–"), (True, "yes"), (2_000_000, "2,000,000"), (88_123.4, "88,123"), (13.64, "13.6"), (1.683, "1.68"),
     (0.0, "0.00"), (0.0151, "0.015"), ("not built", "not built")],
)  # fmt: skip
def test_a_cell_shows_the_digits_that_matter(cell: Cell, text: str) -> None:
    assert cell_text(cell) == text


def test_a_row_must_fill_its_columns() -> None:
    with pytest.raises(ValueError, match=r"row must have 2 cells; got 1"):
        Report(title="t", columns=("a", "b"), rows=(("alone",),))
