"""What each rule made of one event: the evaluated tree of its `select`, its key, its part, the verdict it led to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from alerts.authoring.hindsight import Hindsight
from alerts.authoring.select_tree import Map, MapResult, Selection, SelectTree
from alerts.channel import Channel
from alerts.entry import RESETS, SELECTED, Entry, Verdict, window_start
from alerts.model import Event, LateEvent
from alerts.rule import Rule


class EventUnderRule(Struct, frozen=True):
    """One event as one rule saw it."""

    rule: str
    title: str
    listened: bool
    tree: SelectTree
    unless: tuple[MapResult, ...] = ()
    key: dict[str, str] | None = None
    part: tuple[str, ...] = ()  # `counts`, `begins anew`, and the steps, branches or cues it stands for
    contact: str | None = None  # the first event of its contact, where that is another one
    late: LateEvent | None = None
    verdict: Verdict | None = None
    alerts: tuple[str, ...] = ()

    @property
    def was_used(self) -> bool:
        """Did the rule take it?"""
        return bool(self.part)


def explain_event(hindsight: Hindsight, channels: Mapping[str, Channel], event_id: str) -> list[EventUnderRule]:
    """The event under every rule, those that took it first."""
    found = [_under(hindsight, channels, rule, hindsight.event(event_id)) for rule in hindsight.rules]
    return sorted(found, key=lambda each: (not each.was_used, not each.listened, not each.tree.passed, each.rule))


def verdict_on(rule: Rule, entries: list[Entry], event_id: str) -> Verdict | None:
    """What the rule says of the window that ends with an event, once nothing older can follow."""
    if rule.judge is None:
        return None
    place = next((number for number, entry in enumerate(entries) if entry[2] == event_id), None)
    if place is None or not entries[place][4] & SELECTED:
        return None
    window = rule.judge.start(rule.size)
    for entry in entries[window_start(entries, place, rule.size) : place + 1]:
        window.take(entry)
    return window.verdict(settled=True)


def verdict_words(verdict: Verdict) -> dict[str, Any]:
    """The numbers of a verdict that say something."""
    said = {
        "count": verdict.count or None, "distinct": verdict.distinct, "steps": verdict.steps,
        "branches": list(verdict.branches) or None, "path": list(verdict.path) or None, **dict(verdict.measures),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def _under(hindsight: Hindsight, channels: Mapping[str, Channel], rule: Rule, event: Event) -> EventUnderRule:
    key = rule.key_of(event)
    entries = hindsight.entries(rule, key) if key is not None else []
    entry = next((each for each in entries if each[2] == event.id), None)
    unless = (Map(name, spec, channels).evaluate(event) for name, spec in rule.spec.unless.items())
    on = hindsight.alerts(rule, key) if key is not None else []
    return EventUnderRule(
        rule=rule.id,
        title=rule.spec.title.en,
        listened=event.channel in rule.channels,
        tree=Selection(rule.spec.select, channels).evaluate(event),
        unless=tuple(unless),
        key=rule.key_map(key) if key is not None else None,
        part=_part(rule, entry) if entry is not None else (),
        contact=entry[3] if entry is not None and entry[3] != event.id else None,
        late=hindsight.late.get((rule.id, event.id)),
        verdict=verdict_on(rule, entries, event.id),
        alerts=tuple(each for each in on if event.id in hindsight.drafts[each][-1].evidence_ids),
    )


def _part(rule: Rule, entry: Entry) -> tuple[str, ...]:
    if rule.plan is not None:
        return rule.roles(entry)
    anew = ("begins anew",) if entry[4] & RESETS else ()
    return ("counts", *anew, *rule.roles(entry)) if entry[4] & SELECTED else anew
