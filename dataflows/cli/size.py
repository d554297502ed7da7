"""`anlan size`: how many cores, how much memory and disk an installation needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataflows.failures import said_plainly
from dataflows.sizing.answers import Answer, answer
from dataflows.sizing.centre import Centre, centre
from dataflows.sizing.costs import Costs, load_costs
from dataflows.sizing.need import shown
from dataflows.sizing.page import amount
from dataflows.sizing.plot import picture

COLOURS = {"measured": "green", "extrapolated": "yellow", "assumed": "dim"}
WIDTH = 160  # of a table that goes to a file
USUAL = Centre()


@click.command()
@click.option("--residents", default=USUAL.residents, show_default=True, help="People who live there.")
@click.option(
    "--events-per-day", default=0.0, help="Reports, their handling and heartbeats; default: by the residents."
)
@click.option("--rules", default=0, help="How many rules run; default: as many as are shipped.")
@click.option("--revisions-per-1000", default=0.0, help="Revisions of alerts for 1,000 events; default: as simulated.")
@click.option("--peak", default=USUAL.peak, show_default=True, help="The busiest minutes of a storm against the mean.")
@click.option("--outage-hours", default=USUAL.outage_hours, show_default=True, help="An outage to get over.")
@click.option("--catch-up-hours", default=USUAL.catch_up_hours, show_default=True, help="Time to work off what waited.")
@click.option(
    "--rebuild-hours", default=USUAL.rebuild_hours, show_default=True, help="Time to rebuild a year of state."
)
@click.option("--memory-gb", default=USUAL.memory_gb, show_default=True, help="Memory that one process may take.")
@click.option("--days", default=USUAL.days, show_default=True, help="How far log and pool go back.")
@click.option("--copies", default=0, help="Of log and pool; default: 1, and 3 above ten million residents.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw more and more residents (SVG).")
def size(as_json: bool, plot: Path | None, **given: Any) -> None:
    """Say what an installation needs: processes, cores, memory, disk and partitions, each with its formula.

    Each line says whether it was measured at such a size, extrapolated from smaller ones, or assumed. docs/sizing.md
    tells what was measured and on what machine.

    \b
    anlan size --residents 1500000
    anlan size --residents 25000000 --events-per-day 300000 --memory-gb 32 --plot province.svg
    """
    with said_plainly():
        wanted, costs = centre(**given), load_costs()
        found = answer(wanted, costs)
        if plot is not None:
            plot.write_bytes(picture(wanted, costs))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=1))
    else:
        _in_words(found, costs)


def _in_words(found: Answer, costs: Costs) -> None:
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(_table(found, costs))
    for cap in found.caps:
        console.print(
            f"rule `{cap.rule}` needs {cap.keys:,} keys in one process and its file allows {cap.max_keys:,}:"
            " raise `max_keys`, or it forgets those that say least",
            markup=False,
            highlight=False,
        )


def _table(found: Answer, costs: Costs) -> Table:
    processes = "1 process of detection" if found.processes == 1 else f"{found.processes:,} processes of detection"
    title = f"{found.centre.residents:,} residents, {found.events_per_day:,.0f} events a day: {processes}"
    table = Table(title=Text(title), title_justify="left", caption_justify="left")
    table.caption = Text(f"costs of {costs.measured_on}, {costs.machine}")
    table.add_column("part")
    table.add_column("what")
    table.add_column("needs", justify="right", no_wrap=True)
    table.add_column("formula")
    table.add_column("stands on", no_wrap=True)
    for need in found.needs:
        table.add_row(need.part, need.what, amount(need), need.formula, Text(need.basis, style=COLOURS[need.basis]))
    table.add_section()
    for what, value, unit in (
        ("cores", found.cores, "cores"), ("memory", found.memory_gb, "GB"), ("disk", found.disk_gb, "GB")
    ):  # fmt: skip
        table.add_row("all", what, f"{shown(value)} {unit}", "", "", style="bold")
    return table
