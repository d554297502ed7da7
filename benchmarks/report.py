"""What a benchmark has found: one table, to read on the terminal, in Markdown and in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from rich.table import Table
from rich.text import Text

from benchmarks.machine import Machine, this_machine

Cell = str | int | float | bool | None


class Plot(msgspec.Struct, frozen=True):
    """Which columns of the table are drawn, and how."""

    labels: str  # the column below the plot
    values: tuple[str, ...]  # a line or a bar each
    kind: Literal["bars", "lines"] = "bars"
    logarithmic: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One table with what has to be known to read it.

    A row has one cell for each column; a cell that could not be measured is None. `details` is whatever else belongs
    into the JSON: single runs, profiles.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    plot: Plot | None = None
    details: dict[str, Any] = {}
    faults: tuple[str, ...] = ()  # what was found and must not be so
    machine: Machine = msgspec.field(default_factory=this_machine)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"row must have {len(self.columns)} cells; got {len(row)} ({self.title}: {row})")

    def column(self, name: str) -> tuple[Cell, ...]:
        """The cells below a heading."""
        where = self.columns.index(name)
        return tuple(row[where] for row in self.rows)


def cell_text(cell: Cell) -> str:
    """A cell as people read it: three digits that matter, thousands apart, a dash for what was not measured."""
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case float() if abs(cell) >= 100:
            return f"{cell:,.0f}"
        case float() if abs(cell) >= 10:
            return f"{cell:.1f}"
        case float() if abs(cell) >= 0.1 or cell == 0:
            return f"{cell:.2f}"
        case float():
            return f"{cell:.2g}"
    return cell


def to_table(report: Report) -> Table:
    """For the terminal."""
    table = Table(title=Text(report.title), caption=Text("\n".join((*report.notes, str(report.machine)))))
    table.title_justify = table.caption_justify = "left"
    for name in report.columns:
        table.add_column(Text(name), justify="right" if _is_numeric(report.column(name)) else "left")
    for row in report.rows:
        table.add_row(*(Text(cell_text(cell)) for cell in row))
    return table


def to_markdown(report: Report) -> str:
    """For a page."""
    rule = ["---:" if _is_numeric(report.column(name)) else "---" for name in report.columns]
    body = [[cell_text(cell).replace("|", "\\|") for cell in row] for row in report.rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (report.columns, rule, *body))
    notes = "\n".join(f"* {note}" for note in (*report.notes, str(report.machine)))
    return f"### {report.title}\n\n{table}\n\n{notes}\n"


def to_json(report: Report) -> bytes:
    """For programs: what `from_json` reads."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def from_json(written: bytes) -> Report:
    """A report that was written earlier."""
    return msgspec.json.decode(written, type=Report)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    return all(cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells)
