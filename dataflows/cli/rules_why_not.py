"""`anlan rules why-not`: why no rule spoke of a key, or how near it came."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.text import Text
from rich.tree import Tree

from alerts.authoring.distance import Distance
from alerts.authoring.hindsight import Hindsight
from alerts.authoring.why_not import Answer, Asker, Moment, Told, needs_words
from alerts.local_time import local_time
from alerts.model import Revision, from_us, to_us
from alerts.rule import Rule
from dataflows.cli.rules_near import distance_plain
from dataflows.failures import said_plainly
from dataflows.history import as_json, console, history_options, look, only_rule, until_option
from dataflows.history_origin import Origin

KEYS_AT_MOST = 10  # of one rule, where the fields asked for are only a part of its key

_FATES = {
    "counted": "counted", "resets": "begins anew", "not_listened_to": "not listened to", "not_selected": "not selected",
    "late": "late", "same_contact": "same contact", "outside_window": "outside the window", "after": "after it",
    "moved_too_late": "not kept",
}  # fmt: skip


@click.command("why-not")
@click.argument("key", metavar="KEY")
@history_options
@only_rule
@until_option
@as_json
def why_not(
    key: str, origin: Origin, rule_paths: tuple[str, ...], only: str | None, until: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Why no rule spoke of KEY, or how near each came.

    KEY is `field=value`, several with commas; the history is FILES or a --pool. Every rule that groups by these
    fields says what became of each event of the key: counted, not selected and why, late, the same contact as
    another, outside the window; and at the moment at which it came nearest, what each rung had and still needed.

    \b
    Example:
      $ anlan rules why-not matter=m1 events.jsonl
      $ anlan rules why-not reporter=k1:2f9c,matter=m1 events.jsonl --rule rc.repeat-contact --until 2026-03-09
      $ anlan rules why-not matter=m1 --pool http://localhost:8123/default --since 2026-01-01

    Exits with 0, with 1 if no event belongs to KEY or something cannot be read, with 2 if the command was not
    understood.
    """
    asked = _asked(key)
    with said_plainly():
        hindsight = look(origin, rule_paths, until, only)
        answers, more = _answers(hindsight, asked)
    if as_json:
        click.echo(msgspec.json.encode([_plain(hindsight, answer) for answer in answers]))
        return
    out = console()
    for answer in answers:
        out.print(_tree(hindsight, answer))
    for sentence in more:
        out.print(sentence)


def _asked(text: str) -> dict[str, str]:
    asked = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise click.UsageError(f"KEY must be `field=value`, several with commas; got `{text}`")
        asked[name.strip()] = value.strip()
    return asked


def _answers(hindsight: Hindsight, asked: dict[str, str]) -> tuple[list[Answer], list[str]]:
    asker = Asker(hindsight, hindsight.channels)
    answers, more = [], []
    for rule in hindsight.rules:
        keys = asker.keys(rule, asked)
        answers += [asker.why_not(rule, key) for key in keys[:KEYS_AT_MOST]]
        if len(keys) > KEYS_AT_MOST:
            more.append(f"{rule.id} has {len(keys) - KEYS_AT_MOST} more such keys; name more fields of the key")
    if not answers:
        raise ValueError(_nothing(hindsight, asked))
    return answers, more


def _nothing(hindsight: Hindsight, asked: dict[str, str]) -> str:
    grouped = sorted(
        {", ".join(fields) for rule in hindsight.rules for fields in (rule.spec.key, rule.spec.key_fallback)}
    )
    named = ", ".join(f"{name}={value}" for name, value in asked.items())
    by = "; ".join(f"`{fields}`" for fields in grouped if fields)
    return f"KEY must belong to an event and be what a rule groups by ({by}); got `{named}`"


def _key_fields(rule: Rule) -> list[list[str]]:
    owed = rule.spec.obligation
    return [rule.spec.key, rule.spec.key_fallback, owed.id if owed is not None else []]


def _tree(hindsight: Hindsight, answer: Answer) -> Tree:
    rule = answer.rule
    key = ", ".join(f"{name}={value}" for name, value in rule.key_map(answer.key).items())
    top = Tree(Text(f"{rule.id}  {rule.spec.title.en or rule.spec.title.zh}: {key}", style="bold"))
    for sentence in sentences(answer):
        top.add(Text(sentence, style="yellow"))
    events = top.add(Text(f"{len(answer.events)} events, seen from {local_time(answer.closest.at)}"))
    for told in answer.events:
        events.add(Text(_event(told), style="" if told.fate in ("counted", "resets") else "dim"))
    for moment, words in _moments(answer):
        node = top.add(Text(f"rungs {words}"))
        for distance in moment.distances:
            node.add(Text(_rung(distance)))
    return top


def sentences(answer: Answer) -> list[str]:
    """The short answer: what fired, how near it came, and what is missing now."""
    found = [_fired(revision) for revision in answer.fired]
    closest, now, rule = answer.closest, answer.now, answer.rule
    if now.nearest is not None:
        found.append(f"now: {needs_words(rule, now.nearest)}")
    if closest.nearest is not None and closest != now:
        found.append(f"came nearest at {local_time(closest.at)}: {needs_words(rule, closest.nearest)}")
    if not found:
        found.append("nothing of it counted" if closest.distances else f"{rule.spec.kind} rules have no distance")
    return found


def _fired(revision: Revision) -> str:
    at = local_time(to_us(revision.published_at))
    return f"fired: alert {revision.alert_id} {revision.level}, {revision.state} ({revision.reason}) at {at}"


def _moments(answer: Answer) -> list[tuple[Moment, str]]:
    closest = (answer.closest, f"at {local_time(answer.closest.at)}")
    now = (answer.now, f"at the end, {local_time(answer.now.at)}")
    return [closest] if answer.closest.at == answer.now.at else [closest, now]


def _rung(distance: Distance) -> str:
    return (
        f"✗ {distance.level}: {distance.rung} has {distance.value} of {distance.needed}; needs {distance.needs}"
        if distance.value < distance.needed
        else f"✓ {distance.level}: {distance.rung} has {distance.value} of {distance.needed}"
    )


def _event(told: Told) -> str:
    event = told.event
    why = f": {'; '.join(told.why)}" if told.why else ""
    again = f"; delivered {told.delivered_again + 1} times" if told.delivered_again else ""
    evidence = f"; evidence of {', '.join(told.evidence_of)}" if told.evidence_of else ""
    at = local_time(to_us(event.occurred_at))
    return f"{at} {event.channel} {event.action} {event.id}: {_FATES[told.fate]}{why}{again}{evidence}"


def _plain(hindsight: Hindsight, answer: Answer) -> dict[str, Any]:
    rule = answer.rule
    return {
        "rule": rule.id,
        "title": rule.spec.title,
        "key": rule.key_map(answer.key),
        "says": sentences(answer),
        "fired": [{"alert_id": r.alert_id, "level": r.level, "state": r.state} for r in answer.fired],
        "events": [_told_plain(told) for told in answer.events],
        "closest": _moment_plain(answer.closest),
        "now": _moment_plain(answer.now),
    }


def _told_plain(told: Told) -> dict[str, Any]:
    event = told.event
    return {
        "id": event.id, "channel": event.channel, "action": event.action, "occurred_at": event.occurred_at,
        "fate": told.fate, "why": told.why, "delivered_again": told.delivered_again, "evidence_of": told.evidence_of,
    }  # fmt: skip


def _moment_plain(moment: Moment) -> dict[str, Any]:
    return {
        "at": from_us(moment.at),
        "rungs": [{**distance_plain(each), "passed": each.value >= each.needed} for each in moment.distances],
        "nearest": None if moment.nearest is None else distance_plain(moment.nearest),
    }
