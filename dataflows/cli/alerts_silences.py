"""`anlan alerts silence`, `unsilence`, `silences`: mute the delivery of alerts until a time, never their recording."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec
from rich.table import Table

from alerts.model import Level, Matchers
from dataflows.alert_words import LEVEL_WORDS, end_words, local, machine_now, printable, short, what_words
from dataflows.api_client import Api
from dataflows.cli.alerts_options import EXIT_CODES, Moment, asks, find, wait_option
from dataflows.history import as_json as json_option
from dataflows.history import console


@click.command(epilog=EXIT_CODES)
@asks
@click.option("--alert", default="", metavar="ID", help="Only this alert.")
@click.option("--rule", default="", metavar="ID", help="Alerts of this rule, or of all that begin so: `gi.*`.")
@click.option("--level", multiple=True, type=click.Choice(list(LEVEL_WORDS)), help="Alerts of this level.")
@click.option("--region", default="", metavar="CODE", help="Alerts in this county, township, village or grid.")
@click.option("--key", "keys", multiple=True, metavar="NAME=VALUE", help="Alerts with this in their key.")
@click.option("--until", required=True, type=Moment(), help="Until `2h` from now, or a time.")
@click.option("--from", "starts_at", type=Moment(), help="Begin then; default: at once.")
@click.option("--why", required=True, help="What for; stands in the audit.")
@click.option("--on-close", is_flag=True, help="End when an alert that it mutes has closed.")
@click.option("--on-level-rise", is_flag=True, help="End when an alert that it mutes has risen.")
@click.option("--mute-level-rise", is_flag=True, help="Mute level rises, too; only some roles may.")
@wait_option
@json_option
def silence(
    api: Api, alert: str, rule: str, level: tuple[Level, ...], region: str, keys: tuple[str, ...], until: datetime,
    starts_at: datetime | None, why: str, on_close: bool, on_level_rise: bool, mute_level_rise: bool, wait: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Mute matching alerts until a time: nobody is told, everything is recorded, and its end tells what is open.

    Everything that is named must hold, and at least one thing must be named. A level rise is told all the same.

    \b
    anlan alerts silence --rule rc.repeat-contact --region 620102001 --until 2h --why 供水管道抢修
    anlan alerts silence --alert 1f3a9c2e --until 8h --on-level-rise --why 已有专班
    """
    alert_id = find(api, alert)[0] if alert else ""
    matchers = Matchers(alert_id, rule, level, region, dict(_pair(each) for each in keys))
    if matchers == Matchers():
        raise click.UsageError("at least one of --alert, --rule, --level, --region and --key must be given; got none")
    acted = api.silence(
        wait, matchers=matchers, until=until, starts_at=starts_at, why=why, on_close=on_close,
        on_level_rise=on_level_rise, mute_level_rise=mute_level_rise,
    )  # fmt: skip
    click.echo(msgspec.json.encode(acted) if as_json else f"已静默 silenced {acted.action.action_id} 至 {local(until)}")


@click.command(epilog=EXIT_CODES)
@asks
@click.argument("silence_id", metavar="ID")
@click.option("--why", default="", help="Stands in the audit.")
@wait_option
@json_option
def unsilence(api: Api, silence_id: str, why: str, wait: float, as_json: bool) -> None:
    """End a silence before its time. What it has muted and is open is told once.

    \b
    anlan alerts silences
    anlan alerts unsilence 4f0c2a91
    """
    acted = api.unsilence(_whole(api, silence_id), wait, why=why)
    click.echo(msgspec.json.encode(acted) if as_json else f"已解除 unsilenced {short(acted.action.of)}")


@click.command()
@asks
@json_option
def silences(api: Api, as_json: bool) -> None:
    """List the silences that are not over: what they mute, who wants it, and until when.

    \b
    anlan alerts silences
    """
    found = api.silences()
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table("编号", "状态", "止于", "何人", "范围", "缘由", box=None, pad_edge=False)
    now = machine_now()
    for each in found:
        state = "未开始" if each.state == "pending" else "生效中"
        table.add_row(short(each.id), state, end_words(each, now), each.actor, what_words(each), printable(each.why))
    console().print(table if found else "没有静默 no silences")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise click.UsageError(f"--key must be like `subject=供水`; got `{text}`")
    return name, value


def _whole(api: Api, silence_id: str) -> str:
    """The id of a silence that may have been cut."""
    found = [each.id for each in api.silences() if each.id.startswith(silence_id)]
    if len(found) > 1 and silence_id not in found:
        raise click.UsageError(f"`{silence_id}` must begin the id of one silence; got {len(found)}; give more of it")
    return found[0] if len(found) == 1 else silence_id
