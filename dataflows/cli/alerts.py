"""`anlan alerts`: what is open, how it goes on, and what people do with it, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from typing import get_args

import click
import msgspec
from rich.table import Table
from rich.text import Text

from alerts.model import Level, Revision, State
from dataflows.alert_shown import about, line, row
from dataflows.alert_tail import follow
from dataflows.alert_words import LEVEL_WORDS
from dataflows.api_client import Api
from dataflows.cli.alerts_acts import ACTS
from dataflows.cli.alerts_handover import handover
from dataflows.cli.alerts_options import asks, find, in_county
from dataflows.cli.alerts_silences import silence, silences, unsilence
from dataflows.history import as_json as json_option
from dataflows.history import console

_levels = click.option(
    "--level", "levels", multiple=True, type=click.Choice(list(LEVEL_WORDS)), help="Only this level; may be repeated."
)
_county = click.option("--county", default="", metavar="CODE", help="Only this county, such as 620102.")
_rule = click.option("--rule", default="", metavar="ID", help="Only this rule.")


@click.group()
def alerts() -> None:
    """Alerts: what is open, how it goes on, and what you do with it.

    The commands ask the service (`anlan serve`) at --api or ANLAN_API. Who you are says your token: put it into
    ANLAN_TOKEN, or name its file with --token-file. You see and do what your role may in your region.

    \b
    anlan alerts list                                what is open, the highest level first
    anlan alerts tail --level red                    what comes, live
    anlan alerts show 1f3a9c2e                       why, and what was done about it
    anlan alerts ack 1f3a9c2e@3 --until 2h           I take it; @3 is the revision that you have seen
    anlan alerts close 1f3a9c2e@5 --as true_positive --why 已调解
    anlan alerts handover --since 8h                 for whoever comes next
    """


@alerts.command("list")
@asks
@click.option(
    "--state", "states", multiple=True, type=click.Choice(get_args(State)),
    help="Only this state; may be repeated; default: open and acked.",
)  # fmt: skip
@_levels
@_county
@_rule
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="At most so many.")
@json_option
def list_alerts(
    api: Api, states: tuple[State, ...], levels: tuple[Level, ...], county: str, rule: str, limit: int, as_json: bool
) -> None:
    """List alerts: what is open, the highest level first; with another --state the latest first.

    \b
    anlan alerts list --level red --level yellow
    anlan alerts list --state closed --limit 20
    anlan alerts list --county 620102 --json | jq .alert_id

    The id in the list may be typed as it stands; with `@` and the number it names the revision that you have seen.
    """
    found = api.alerts(limit, state=states, level=levels, county=county, rule=rule)
    if as_json:
        _print_lines(found)
        return
    table = Table("级别", "编号", "状态", "起于", "更新", "地区", "内容", box=None, pad_edge=False)
    for number, width in ((1, 12), (5, None)):
        table.columns[number].no_wrap = True
        table.columns[number].min_width = width
    for each in found:
        table.add_row(*row(each))
    console().print(table if table.row_count else "没有预警 no alerts")


@alerts.command()
@asks
@click.argument("alert", metavar="ID")
@json_option
def show(api: Api, alert: str, as_json: bool) -> None:
    """Show one alert: why it is there, who has it, whom it tells next, and how it came to that.

    \b
    anlan alerts show 1f3a9c2e
    """
    alert_id, _ = find(api, alert)
    detail = api.alert(alert_id)
    if as_json:
        click.echo(msgspec.json.encode(detail))
        return
    out = console()
    for each in about(detail):
        out.print(each, soft_wrap=True)
    out.print("经过 history")
    for revision in api.revisions(alert_id):
        out.print(Text("  ").append(line(revision)), soft_wrap=True)


@alerts.command()
@asks
@_levels
@_county
@_rule
@click.option("--open", "with_open", is_flag=True, help="Begin with what is open now.")
@click.option("--after", type=click.IntRange(0), metavar="PLACE", help="Begin behind this place in your feed.")
@click.option("--count", type=click.IntRange(1), help="End after so many revisions.")
@json_option
def tail(
    api: Api, levels: tuple[Level, ...], county: str, rule: str, with_open: bool, after: int | None, count: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Follow alerts live, until Ctrl-C. A lost connection is taken up where it broke: nothing is missed.

    \b
    anlan alerts tail
    anlan alerts tail --open --level red
    anlan alerts tail --json --after 1200 >> revisions.jsonl
    """
    if with_open and after is not None:
        raise click.UsageError("one of --open and --after must be given; got both")

    def troubled(sentence: str) -> None:
        click.echo(sentence, err=True)

    wanted = (
        each
        for each in follow(api, after, troubled, with_open=with_open)
        if (not levels or each.level in levels) and in_county(each, county) and (not rule or each.rule == rule)
    )
    try:
        if as_json:
            _print_lines(islice(wanted, count))
            return
        out = console()
        for each in islice(wanted, count):
            out.print(line(each), soft_wrap=True)
    except KeyboardInterrupt:
        sys.exit(0)


for command in (*ACTS, silence, unsilence, silences, handover):
    alerts.add_command(command)


def _print_lines(found: Iterable[Revision]) -> None:
    """One JSON object a line, each as soon as it is there."""
    for each in found:
        click.echo(msgspec.json.encode(each))
