"""The tests of a rule under trial: every event twice, a restart after each, arrivals in other orders.

Two deliveries and a restart must change nothing that is published. Another order of arrival, inside what the rule
waits for, must leave the same alerts: which revisions lead there may differ.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from alerts.alert import Draft
from alerts.authoring.rule_case import Case, offset_of
from alerts.authoring.rule_orders import SECOND_US, delayed, in_time
from alerts.authoring.rule_test import drive, problems_of, rule_for
from alerts.channel import Channel
from alerts.model import Arrival, Event, Slice, from_us, to_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule

Variant = Literal["shuffle", "dup", "restart"]
SHOWN = 3  # differences that are named before the rest is counted

# (key, episode, highest level, evidence): what an alert comes to, whatever order its events came in
Standing = tuple[str, int, str, tuple[str, ...]]


class Plan(NamedTuple):
    """Which variants of each test are tried, how many orders, and the seed they are drawn from."""

    variants: frozenset[Variant] = frozenset()
    orders: int = 20
    seed: int = 0


class Trial(NamedTuple):
    """How the variants of one test ended: how many runs of each there were, and what went wrong."""

    rule: str
    name: str
    runs: dict[Variant, int]
    problems: list[str]


def try_case(rule: Rule, case: Case, channels: Mapping[str, Channel], plan: Plan) -> Trial:
    """Run the variants of one test."""
    rule = rule_for(case, rule, channels)
    problems: list[str] = []
    runs: dict[Variant, int] = {}
    if "dup" in plan.variants:
        runs["dup"] = 1
        found = problems_of(case, drive(rule, channels, _twice(case.arrivals), case.end))
        problems += (f"every event twice: {problem}" for problem in found)
    if "restart" in plan.variants:
        runs["restart"] = 1
        found = problems_of(case, drive(rule, channels, case.arrivals, case.end, restart=True))
        problems += (f"restarted after each event: {problem}" for problem in found)
    if "shuffle" in plan.variants and rule.spec.kind != "silence":  # when something arrives is what silence is about
        runs["shuffle"] = plan.orders
        problems += _shuffled(rule, case, channels, plan)
    return Trial(case.rule, case.name, runs, problems)


def _twice(arrivals: Iterable[Arrival]) -> Iterator[Arrival]:
    """Each arrival and its copy, from the same row (read again) and from another one in turn."""
    for number, arrival in enumerate(arrivals):
        source = f"test:{number}"
        yield Arrival(arrival.event, arrival.arrived_us, source)
        yield Arrival(arrival.event, arrival.arrived_us, source if number % 2 else f"{source}:copy")


def _shuffled(rule: Rule, case: Case, channels: Mapping[str, Channel], plan: Plan) -> Iterator[str]:
    """The first order of arrival that leads to other alerts, if there is one."""
    judged = in_time(rule, case.arrivals, Pipeline([rule], channels))
    end = _horizon(rule, case, judged)
    wanted = _weak(_to_the_end(rule, judged, end, channels))
    for number in range(plan.orders):
        rng = random.Random(f"{plan.seed}/{case.rule}/{case.name}/{number}")
        order = delayed(judged, rule, rng)
        got = _weak(_to_the_end(rule, order, end, channels))
        if got != wanted:
            shown = "; ".join(f"{a.event.id} at {offset_of(from_us(a.arrived_us), case.clock)}" for a in order)
            yield f"order {number + 1} of seed {plan.seed}: {_differences(wanted, got)}; arrived: {shown}"
            return


def _horizon(rule: Rule, case: Case, judged: list[Arrival]) -> int:
    """An instant by which every order has arrived and has been waited for."""
    occurred = [to_us(arrival.event.occurred_at) + rule.lateness for arrival in judged]
    arrived = [arrival.arrived_us for arrival in judged]
    return max([*occurred, *arrived, case.end or 0]) + rule.lateness + SECOND_US if judged else 0


def _to_the_end(rule: Rule, arrivals: list[Arrival], end: int, channels: Mapping[str, Channel]) -> list[Draft]:
    """What is published over some arrivals, until every channel has said that it has sent everything."""
    if not arrivals:
        return []
    goodbyes = [Arrival(_heartbeat(channel, from_us(end)), end) for channel in sorted(rule.channels)]
    pipeline = Pipeline([rule], channels)
    drafts: list[Draft] = []
    for arrival in [*arrivals, *goodbyes]:
        drafts += pipeline.take(Slice(arrival.arrived_us, [arrival]))[1]
    return drafts + pipeline.take(Slice(end + rule.lateness + SECOND_US, []))[1] + pipeline.finish()[1]


def _heartbeat(channel: str, at: datetime) -> Event:
    return Event(id=f"goodbye-{channel}", channel=channel, action="heartbeat", occurred_at=at)


def _weak(drafts: Iterable[Draft]) -> set[Standing]:
    """Every alert that stands in the end."""
    final = {draft.revision.alert_id: draft for draft in drafts}
    return {
        (_shown_key(draft), draft.revision.episode, draft.revision.level_max, tuple(sorted(draft.evidence_ids)))
        for draft in final.values()
        if draft.revision.state not in ("retracted", "merged")
    }


def _shown_key(draft: Draft) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(draft.revision.key.items()))


def _differences(wanted: set[Standing], got: set[Standing]) -> str:
    """What is there in one order and not in the other."""
    only = [f"in order only {_shown(each)}" for each in sorted(wanted - got)]
    only += [f"shuffled only {_shown(each)}" for each in sorted(got - wanted)]
    more = f", and {len(only) - SHOWN} more" if len(only) > SHOWN else ""
    return ", ".join(only[:SHOWN]) + more


def _shown(standing: Standing) -> str:
    key, episode, level, evidence = standing
    return f"`{key}` episode {episode} {level} of {', '.join(evidence)}"
