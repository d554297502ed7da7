"""`anlan rules explain`: what every rule made of an event, or how an alert came about."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import click
import msgspec
from rich.text import Text
from rich.tree import Tree

from alerts.authoring.explained import EventUnderRule, explain_event, verdict_words
from alerts.authoring.hindsight import Hindsight
from alerts.authoring.select_tree import MapResult, shown, wanted_words
from alerts.entry import LEVEL_NAME
from alerts.local_time import local_time
from alerts.model import Revision, to_us
from dataflows.failures import said_plainly
from dataflows.history import as_json, console, history_options, look, only_rule, until_option
from dataflows.history_origin import Origin
from dataflows.rule_paths import many

SHORTEST_PREFIX = 6


@click.command()
@click.argument("event_or_alert", metavar="EVENT|ALERT")
@history_options
@only_rule
@click.option("--revision", type=click.IntRange(1), help="Of an alert: the revision to explain; default: the last.")
@until_option
@as_json
def explain(
    event_or_alert: str, origin: Origin, rule_paths: tuple[str, ...], only: str | None,
    revision: int | None, until: int | None, as_json: bool,
) -> None:  # fmt: skip
    """What every rule made of an EVENT, or how an ALERT came about.

    EVENT is the id of an event in FILES or in the --pool: each rule says whether it listens, which maps and entries
    of its `select` held, under which key it counts the event, and what it said then. ALERT is the id of an alert that
    a run over the same history finds, or its first letters: its revisions, what each changed, and the evidence.

    \b
    Example:
      $ anlan rules explain call-17 events.jsonl --rule rc.repeat-contact
      $ anlan rules explain 3f0a91d2 events.jsonl --revision 2
      $ anlan rules explain call-17 --pool http://localhost:8123/default --since 2026-01-01

    Exits with 0, with 1 if there is no such event or alert or something cannot be read, with 2 if the command was not
    understood.
    """
    with said_plainly():
        hindsight = look(origin, rule_paths, until, only)
        alert_id = _alert(hindsight, event_or_alert)
        if alert_id is None and event_or_alert not in hindsight.pooled:
            raise ValueError(_not_found(hindsight, event_or_alert))
        told = None if alert_id is None else _revision(hindsight, alert_id, revision)
    if told is not None:
        plain, tree = _alert_plain(hindsight, told), _alert_tree(hindsight, told)
    else:
        under = explain_event(hindsight, hindsight.channels, event_or_alert)
        plain, tree = _event_plain(hindsight, event_or_alert, under), _event_tree(hindsight, event_or_alert, under)
    if as_json:
        click.echo(msgspec.json.encode(plain))
    else:
        console().print(tree)


def _alert(hindsight: Hindsight, name: str) -> str | None:
    """The alert that a name or the beginning of one means; None if it is none. Raises where it could be several."""
    if name in hindsight.drafts or name in hindsight.pooled:
        return name if name in hindsight.drafts else None
    found = [alert_id for alert_id in hindsight.drafts if alert_id.startswith(name)]
    if len(name) < SHORTEST_PREFIX or not found:
        return None
    if len(found) > 1:
        raise ValueError(f"an alert id must be told apart; got `{name}`, which begins {len(found)}: {', '.join(found)}")
    return found[0]


def _not_found(hindsight: Hindsight, name: str) -> str:
    near = get_close_matches(name, [*hindsight.pooled, *hindsight.drafts], n=1, cutoff=0.8)
    hint = f"; did you mean `{near[0]}`" if near else ""
    counted = f"{many(len(hindsight.pooled), 'event')}, {many(len(hindsight.drafts), 'alert')}"
    return f"what is explained must be an event or an alert of this history ({counted}); got `{name}`{hint}"


def _revision(hindsight: Hindsight, alert_id: str, number: int | None) -> Revision:
    revisions = hindsight.revisions(alert_id)
    if number is None:
        return revisions[-1]
    if number > len(revisions):
        raise ValueError(f"`--revision` must be at most {len(revisions)} for this alert; got {number}")
    return revisions[number - 1]


def _event_tree(hindsight: Hindsight, event_id: str, under: Iterable[EventUnderRule]) -> Tree:
    event = hindsight.event(event_id)
    link = hindsight.links[event_id]
    top = Tree(Text(f"event {event.id}: {event.channel} {event.action} at {local_time(to_us(event.occurred_at))}"))
    top.add(Text(f"matter {link.matter} ({link.reason}, score {link.score:g})"))
    for at in hindsight.again.get(event_id, ()):
        top.add(Text(f"delivered again at {local_time(at)}, counted once"))
    for each in under:
        _add_rule(top, each)
    return top


def _add_rule(top: Tree, each: EventUnderRule) -> None:
    node = top.add(Text(f"{each.rule}  {each.title}: {_summary(each)}", style="bold" if each.was_used else "dim"))
    if not each.listened:
        return
    if each.late is not None:
        late = each.late
        arrived, watermark = local_time(to_us(late.arrived_at)), local_time(to_us(late.watermark))
        node.add(Text(f"late: arrived {arrived}, the rule waited only back to {watermark}", style="red"))
    if each.tree.condition:
        said = f"select: {each.tree.condition_with_values()}: {_yes(each.tree.passed)}"
        select = node.add(Text(said, style="green" if each.tree.passed else "red"))
        for found in each.tree.maps:
            _add_map(select, found)
    for found in each.unless:
        _add_map(node, found, "unless ")
    if each.key is not None:
        node.add(Text("key " + ", ".join(f"{name}={value}" for name, value in each.key.items())))
    if each.contact is not None:
        node.add(Text(f"the same contact as {each.contact}: counted once"))
    if each.verdict is not None:
        words = ", ".join(f"{name} {value}" for name, value in verdict_words(each.verdict).items())
        node.add(Text(f"with it the rule says {LEVEL_NAME[each.verdict.level]}: {words}", style="yellow"))
    for alert_id in each.alerts:
        node.add(Text(f"evidence of alert {alert_id}"))


def _summary(each: EventUnderRule) -> str:
    if each.was_used:
        return ", ".join(each.part)
    if not each.listened:
        return "does not listen to this channel"
    if each.late is not None:
        return "selected, but late"
    if each.tree.passed:
        return "selected, but " + ("a field of its key is missing" if each.key is None else "not kept under this key")
    return "not selected; " + "; ".join(each.tree.why_not)


def _add_map(node: Tree, found: MapResult, before: str = "") -> None:
    inner = node.add(Text(f"{before}{found.name}: {_yes(found.passed)}"))
    for entry in found.entries:
        said = f"{_mark(entry.passed)} {entry.field}: {shown(entry.value)}; {wanted_words(entry.field, entry.wanted)}"
        inner.add(Text(said))


def _mark(passed: bool) -> str:
    return "✓" if passed else "✗"


def _yes(passed: bool) -> str:
    return "yes" if passed else "no"


def _alert_tree(hindsight: Hindsight, told: Revision) -> Tree:
    key = ", ".join(f"{name}={value}" for name, value in told.key.items())
    top = Tree(Text(f"alert {told.alert_id}: {told.rule}, {key}, episode {told.episode}"))
    for each in hindsight.revisions(told.alert_id):
        at = local_time(to_us(each.published_at))
        style = "bold" if each.revision == told.revision else ""
        node = top.add(Text(f"revision {each.revision} at {at}: {each.state} {each.level}, {each.reason}", style=style))
        node.add(Text(each.text.en or each.text.zh))
        for delta in each.delta:
            node.add(Text(f"{delta.field}: {delta.before} → {delta.after}"))
    conditions = top.add(Text(f"conditions of revision {told.revision}, window {told.explain.get('window', '–')}"))
    for condition in told.explain.get("any", ()):
        conditions.add(Text(_condition(condition)))
    evidence = top.add(Text(f"evidence of revision {told.revision}: {told.evidence_total} events"))
    for witness in told.evidence:
        why = f" ({witness.why})" if witness.why else ""
        fields = " ".join(f"{name}={value}" for name, value in witness.fields.items())
        at = local_time(to_us(witness.occurred_at))
        evidence.add(Text(f"{at} {witness.channel} {witness.id}{why} {fields}".rstrip()))
    return top


def _condition(condition: dict[str, Any]) -> str:
    if "branch" in condition:
        return f"{_mark(condition['passed'])} branch {condition['branch']}"
    if "condition" not in condition:
        return ", ".join(f"{name} {value}" for name, value in condition.items())
    value, wanted = condition.get("value"), condition.get("wanted")
    return f"{_mark(condition['passed'])} {condition['level']}: {condition['condition']} is {value}; wanted {wanted}"


def _event_plain(hindsight: Hindsight, event_id: str, under: Iterable[EventUnderRule]) -> dict[str, Any]:
    event = hindsight.event(event_id)
    return {
        "event": {"id": event.id, "channel": event.channel, "action": event.action, "occurred_at": event.occurred_at},
        "matter": hindsight.links[event_id],
        "delivered_again": len(hindsight.again.get(event_id, ())),
        "rules": [_under_plain(each) for each in under],
    }


def _under_plain(each: EventUnderRule) -> dict[str, Any]:
    plain = msgspec.structs.asdict(each)
    plain["verdict"] = None
    if each.verdict is not None:
        plain["verdict"] = {"level": LEVEL_NAME[each.verdict.level], **verdict_words(each.verdict)}
    return plain


def _alert_plain(hindsight: Hindsight, told: Revision) -> dict[str, Any]:
    return {
        "alert_id": told.alert_id,
        "rule": told.rule,
        "key": told.key,
        "revisions": [
            {
                "revision": each.revision, "published_at": each.published_at, "state": each.state,
                "level": each.level, "reason": each.reason, "text": each.text, "delta": each.delta,
            }
            for each in hindsight.revisions(told.alert_id)
        ],
        "explained": told,
    }  # fmt: skip
