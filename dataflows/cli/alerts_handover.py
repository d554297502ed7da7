"""`anlan alerts handover`: what one shift hands to the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from dataflows.alert_words import machine_now
from dataflows.api_client import Api
from dataflows.cli.alerts_options import Length, Moment, asks
from dataflows.handover import Format, gather, render


@click.command()
@asks
@click.option("--since", "length", type=Length(), default="8h", show_default=True, help="How long the shift was.")
@click.option("--until", type=Moment(), help="When it ends; default: now.")
@click.option("--county", default="", metavar="CODE", help="Only this county, such as 620102.")
@click.option("--format", "form", type=click.Choice(["md", "html"]), default="md", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it into this file.")
def handover(
    api: Api, length: timedelta, until: datetime | None, county: str, form: Format, out: Path | None
) -> None:  # fmt: skip
    """Print what a shift hands over: what is open and how old, who has it, what is new, closed and muted.

    It says what stands now; --until moves the shift, not what is open. Tokens of people are cut to 8 characters.
    The HTML page needs nothing else and prints well.

    \b
    anlan alerts handover --since 8h
    anlan alerts handover --since 12h --format html --out handover.html
    """
    text = render(gather(api, until or machine_now(), length, county), form)
    if out:
        out.write_text(text, encoding="utf-8")
        click.echo(out)
    else:
        click.echo(text, nl=False)
