"""`anlan alerts ack`, `unack`, `assign`, `note`, `close`, `reopen`, `supervise`, `answer`, `reveal`: what people do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

import click
import msgspec

from alerts.model import Disposition
from connectors.pseudonym import is_token
from dataflows.api_client import Api
from dataflows.cli.alerts_options import EXIT_CODES, Moment, asks, find, said, wait_option
from dataflows.history import as_json as json_option
from dataflows.history_origin import Command

_alerts = click.argument("alerts", nargs=-1, required=True, metavar="ID[@REVISION]...")
_why = click.option("--why", default="", help="Your words; phones and ID numbers in them are scrubbed.")
_why_needed = click.option("--why", required=True, help="Your words; phones and ID numbers in them are scrubbed.")


def _act(api: Api, alerts: Sequence[str], action: str, done: str, wait: float, as_json: bool, **asked: Any) -> None:
    """Do the same with some alerts, one after the other; the first that is refused ends it."""
    for reference in alerts:
        alert_id, revision = find(api, reference)
        acted = api.act(alert_id, wait, action=action, revision=revision, **asked)
        click.echo(msgspec.json.encode(acted) if as_json else said(acted, done))


def _on_alerts(command: Command) -> Command:
    """A command that does something with the alerts that are named."""
    return asks(_alerts(wait_option(json_option(command))))


@click.command(epilog=EXIT_CODES)
@_on_alerts
@click.option("--until", type=Moment(), help="Until `2h` from now, or a time; default: as long as your role may.")
@_why
def ack(api: Api, alerts: tuple[str, ...], until: datetime | None, why: str, wait: float, as_json: bool) -> None:
    """Take alerts: you look after them until a time, and nothing escalates meanwhile.

    An ack hides nothing, and when it ends, or the level rises, people are told again. With `@` and the number that
    `list` and `tail` show, an alert that has risen since you looked is not acked unseen.

    \b
    anlan alerts ack 1f3a9c2e@3 --until 2h
    anlan alerts ack 1f3a9c2e 77ab0c1d --why 已派人
    """
    _act(api, alerts, "ack", "已签收 acked", wait, as_json, until=until, why=why)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@_why
def unack(api: Api, alerts: tuple[str, ...], why: str, wait: float, as_json: bool) -> None:
    """Give alerts back: they wait for an ack again, and whoever is next is told.

    \b
    anlan alerts unack 1f3a9c2e --why 交班
    """
    _act(api, alerts, "unack", "已退回 unacked", wait, as_json, why=why)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@click.option("--to", "whom", required=True, metavar="WHOM", help="A role, a unit or an account.")
@_why
def assign(api: Api, alerts: tuple[str, ...], whom: str, why: str, wait: float, as_json: bool) -> None:
    """Say who is to handle alerts.

    \b
    anlan alerts assign 1f3a9c2e --to grid.officer-12
    """
    _act(api, alerts, "assign", f"已交办 {whom} assigned", wait, as_json, assigned_to=whom, why=why)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@_why_needed
def note(api: Api, alerts: tuple[str, ...], why: str, wait: float, as_json: bool) -> None:
    """Write something on alerts, for whoever reads them next.

    \b
    anlan alerts note 1f3a9c2e --why 双方已见面
    """
    _act(api, alerts, "note", "已备注 noted", wait, as_json, why=why)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@click.option(
    "--as", "disposition", required=True, type=click.Choice(get_args(Disposition)), help="What it turned out to be."
)
@_why
def close(
    api: Api, alerts: tuple[str, ...], disposition: Disposition, why: str, wait: float, as_json: bool
) -> None:  # fmt: skip
    """Close alerts, and say what they turned out to be. New reports open them again.

    \b
    anlan alerts close 1f3a9c2e@5 --as true_positive --why 已调解
    anlan alerts close 77ab0c1d@1 --as false_positive
    """
    _act(api, alerts, "close", "已关闭 closed", wait, as_json, disposition=disposition, why=why)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@_why
def reopen(api: Api, alerts: tuple[str, ...], why: str, wait: float, as_json: bool) -> None:
    """Open again what a person has closed too early.

    \b
    anlan alerts reopen 1f3a9c2e-... --why 又来电
    """
    _act(api, alerts, "reopen", "已重开 reopened", wait, as_json, why=why)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@click.option("--to", "whom", required=True, metavar="WHOM", help="The unit that has to answer.")
@click.option("--until", type=Moment(), required=True, help="Its deadline: `4h` from now, or a time.")
@_why
def supervise(
    api: Api, alerts: tuple[str, ...], whom: str, until: datetime, why: str, wait: float, as_json: bool
) -> None:  # fmt: skip
    """Send a supervision notice (督办): a unit has to answer by a deadline, or everybody is told that it did not.

    What is printed last is the id of the notice. `show` tells of it until it is answered.

    \b
    anlan alerts supervise 1f3a9c2e --to street-7 --until 4h --why 三日未办
    """
    for reference in alerts:
        alert_id, _ = find(api, reference)
        acted = api.act(alert_id, wait, action="supervise", assigned_to=whom, until=until, why=why)
        told = f"{said(acted, f'已督办 {whom} supervised')} {acted.action.action_id}"
        click.echo(msgspec.json.encode(acted) if as_json else told)


@click.command(epilog=EXIT_CODES)
@_on_alerts
@click.option("--to", "notice", default="", metavar="NOTICE", help="The notice, where several wait, by its id.")
@_why_needed
def answer(api: Api, alerts: tuple[str, ...], notice: str, why: str, wait: float, as_json: bool) -> None:
    """Answer a supervision notice; `show` tells which ones wait, and until when.

    \b
    anlan alerts answer 1f3a9c2e --why 已上门调解
    anlan alerts answer 1f3a9c2e --to 5f0c --why 已上门调解
    """
    for reference in alerts:
        alert_id, _ = find(api, reference)
        acted = api.act(alert_id, wait, action="answer", of=_notice(api, alert_id, notice), why=why)
        click.echo(msgspec.json.encode(acted) if as_json else said(acted, "已答复 answered"))


def _notice(api: Api, alert_id: str, given: str) -> str:
    """The supervision notice of this id, else whose id begins so, or the only one; the desk judges an unknown one."""
    found = [each.id for each in api.alert(alert_id).people.notices if each.id.startswith(given)]
    if given in found or (given and not found):
        return given
    if len(found) == 1:
        return found[0]
    raise click.UsageError(
        f"--to must name one of the notices that wait; got {len(found)}: {' '.join(found) or 'none'}"
    )


@click.command(epilog=EXIT_CODES)
@asks
@click.argument("alert", metavar="ID")
@click.option("--token", required=True, help="The pseudonym in the alert's key, as `show` prints it.")
@_why_needed
@wait_option
@json_option
def reveal(api: Api, alert: str, token: str, why: str, wait: float, as_json: bool) -> None:
    """Ask who is behind a pseudonym of an alert: one pseudonym, one alert, one purpose.

    It is a row of the audit, whatever becomes of it. Names are not kept here, so none is printed: whoever holds them
    answers by that row, whose action is what is printed last.

    \b
    anlan alerts reveal 1f3a9c2e --token k1:bcdfg --why 上门走访，核实住址
    """
    alert_id, _ = find(api, alert)
    acted = api.act(alert_id, wait, action="reveal", token=_whole(api, alert_id, token), why=why)
    told = f"{said(acted, '已登记揭示申请 reveal asked')} {acted.action.action_id}"
    click.echo(msgspec.json.encode(acted) if as_json else told)


def _whole(api: Api, alert_id: str, given: str) -> str:
    """The pseudonym of the alert's key that begins like this: people are shown no more than its beginning."""
    begin = given.rstrip("…")
    if is_token(begin):
        return begin
    key = api.alert(alert_id).alert.key.values()
    found = {value for value in key if is_token(value) and value.startswith(begin)}
    if len(found) != 1:
        raise click.UsageError(f"--token must begin one pseudonym in the key of the alert; got {len(found)} such")
    return found.pop()


ACTS = (ack, unack, assign, note, close, reopen, supervise, answer, reveal)
