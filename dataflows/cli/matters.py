"""`anlan matters`: the life of a matter, and a person's word that two are one, or one is two."""

from __future__ import annotations

import click
import msgspec
from rich.table import Table

from dataflows.alert_words import local
from dataflows.api.answers import Step
from dataflows.api_client import Api
from dataflows.cli.alerts_options import EXIT_CODES, asks, wait_option
from dataflows.history import as_json as json_option
from dataflows.history import console

_why = click.option("--why", required=True, help="Your words; phones and ID numbers in them are scrubbed.")


@click.group()
def matters() -> None:
    """Matters (一案一码): show one, merge two, split one.

    \b
    anlan matters show 4f7c...
    anlan matters merge 4f7c... --into 91ab... --why 同一纠纷
    anlan matters split 4f7c... --event e1 --event e2 --why 两件事
    """


@matters.command(epilog=EXIT_CODES)
@asks
@json_option
@click.argument("matter")
def show(api: Api, matter: str, as_json: bool) -> None:
    """The life of a matter, from the first report to the return visit. Nobody's words are in it."""
    steps = api.timeline(matter)
    if as_json:
        for step in steps:
            click.echo(msgspec.json.encode(step))
        return
    table = Table(box=None)
    for name in ("时间", "渠道", "动作", "单位", "事件", "归入理由"):
        table.add_column(name, no_wrap=name != "单位")
    for step in steps:
        table.add_row(*_cells(step))
    console().print(table)


def _cells(step: Step) -> tuple[str, ...]:
    return local(step.occurred_at), step.channel, step.action, step.unit or "", step.event_id, step.reason


@matters.command(epilog=EXIT_CODES)
@asks
@wait_option
@json_option
@click.argument("matter")
@click.option("--into", required=True, metavar="MATTER", help="The matter that it is part of.")
@_why
def merge(api: Api, matter: str, into: str, why: str, wait: float, as_json: bool) -> None:
    """Make a matter part of another. What is counted by matter is counted again, and alerts follow.

    What is reported to the first one later becomes part of the other as well. `split` takes it back.

    \b
    anlan matters merge 4f7c... --into 91ab... --why 同一纠纷
    """
    acted = api.merge(matter, wait, into=into, why=why)
    click.echo(msgspec.json.encode(acted) if as_json else f"已合并 merged {matter} → {acted.action.into}")


@matters.command(epilog=EXIT_CODES)
@asks
@wait_option
@json_option
@click.argument("matter")
@click.option("--event", "events", required=True, multiple=True, metavar="ID", help="An event that leaves; repeat.")
@_why
def split(api: Api, matter: str, events: tuple[str, ...], why: str, wait: float, as_json: bool) -> None:
    """Make some events of a matter one of their own; `show` names the events.

    What is printed is the id of the new matter.

    \b
    anlan matters split 4f7c... --event e1 --event e2 --why 两件事
    """
    acted = api.split(matter, wait, events=events, why=why)
    click.echo(msgspec.json.encode(acted) if as_json else f"已拆分 split {matter} → {acted.action.into}")
