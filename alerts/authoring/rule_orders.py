"""Other orders in which the events of a test could have arrived, inside what its rule waits for.

A rule that asserts absence waits differently: until its channels have vouched, and no longer than `max_hold`. There
an event must come before anything later that its channel says, and the order inside each channel is kept.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from alerts.model import ALWAYS, NEVER, Arrival, Slice, to_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule

SECOND_US = 1_000_000


def in_time(rule: Rule, arrivals: Iterable[Arrival], pipeline: Pipeline) -> list[Arrival]:
    """The arrivals that the rule judges as they stand: without copies and without what comes too late for it.

    `pipeline` is an empty one of the rule alone.
    """
    known: set[str] = set()
    said: dict[str, int] = {}  # up to when each channel has vouched
    judged = []
    for arrival in arrivals:
        event, occurred = arrival.event, _occurred(arrival)
        late = bool(pipeline.take(Slice(arrival.arrived_us, [arrival]))[0].late)
        if _vouches(rule):
            late |= occurred < said.get(event.channel, NEVER) or arrival.arrived_us - occurred > waits(rule)
            said[event.channel] = max(occurred, said.get(event.channel, NEVER))
        if event.id not in known and not late:
            judged.append(arrival)
        known.add(event.id)
    return judged


def delayed(judged: Iterable[Arrival], rule: Rule, rng: random.Random) -> list[Arrival]:
    """The same events in another order of arrival, each as late as the rule waits for at most.

    Heartbeats keep their time: they make the clock.
    """
    longest = waits(rule)
    moved = [arrival if _is_heartbeat(arrival) else _later(arrival, longest, rng) for arrival in judged]
    if _vouches(rule):
        return _in_channel_order(moved)
    return [arrival for _, _, arrival in sorted((each.arrived_us, rng.random(), each) for each in moved)]


def waits(rule: Rule) -> int:
    """How long after it happened an event is sure to be judged as if it had come at once."""
    return min(rule.lateness, rule.plan.max_hold_us) if rule.plan is not None and _vouches(rule) else rule.lateness


def _later(arrival: Arrival, longest: int, rng: random.Random) -> Arrival:
    delay = rng.choice((0, longest, rng.randint(0, longest // SECOND_US) * SECOND_US))
    return Arrival(arrival.event, _occurred(arrival) + delay)


def _in_channel_order(moved: list[Arrival]) -> list[Arrival]:
    """No event behind a heartbeat or an event of its channel that happened later."""
    soonest: dict[str, int] = {}  # when each channel says what comes next
    kept = []
    for arrival in sorted(moved, key=_occurred, reverse=True):
        channel = arrival.event.channel
        at = max(min(arrival.arrived_us, soonest.get(channel, ALWAYS)), _occurred(arrival))
        soonest[channel] = at
        kept.append(Arrival(arrival.event, at))
    kept.reverse()  # what comes at one instant stays in the order in which it happened
    return sorted(kept, key=lambda arrival: arrival.arrived_us)


def _vouches(rule: Rule) -> bool:
    return rule.plan is not None and bool(rule.plan.vouch)


def _is_heartbeat(arrival: Arrival) -> bool:
    return arrival.event.action == "heartbeat"


def _occurred(arrival: Arrival) -> int:
    return to_us(arrival.event.occurred_at)
