"""In which other orders the events of a test are delivered."""

from __future__ import annotations

import random
from typing import Any

import pytest

from alerts.authoring.rule_orders import delayed, in_time
from alerts.channel import Channel
from alerts.model import Arrival, Event, Text, from_us, to_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule, compile_rule

HOUR = 3_600_000_000
START = 1_772_000_000_000_000
CHANNELS = {name: Channel(name, Text(name, name), 2, HOUR, 100 * HOUR) for name in ("police", "hotline")}


class Vouching:
    """As much as is needed of a rule that asserts absence."""

    vouch = frozenset({"police"})
    max_hold_us = 2 * HOUR
    is_whole = False

    def role_of(self, event: Event, selects: bool) -> int:
        return 0


@pytest.fixture
def rule() -> Rule:
    return compile_rule(
        {
            "apiVersion": "rules/v1", "id": "a.one", "version": 1, "kind": "threshold",
            "title": {"zh": "测", "en": "t"}, "owner": "o", "purpose": "service-quality",
            "channels": ["police", "hotline"], "key": ["matter"], "window": {"size": "7d", "lateness": "6h"},
            "levels": [{"gte": 3, "level": "blue"}],
        },
        CHANNELS,
    )  # fmt: skip


@pytest.fixture
def vouching(rule: Rule) -> Rule:
    plan: Any = Vouching()
    rule.plan = plan
    return rule


def arrival(id: str, hour: int, late: int = 0, action: Any = "received", channel: str = "police") -> Arrival:
    at = START + hour * HOUR
    return Arrival(Event(id, channel, action, from_us(at), matter="m"), at + late * HOUR)


def orders(judged: list[Arrival], rule: Rule) -> list[list[Arrival]]:
    return [delayed(judged, rule, random.Random(seed)) for seed in range(50)]


def delay(each: Arrival) -> int:
    return each.arrived_us - to_us(each.event.occurred_at)


EVENTS = [arrival("a", 0), arrival("b", 1, 3), arrival("h", 2, action="heartbeat"), arrival("c", 3)]


def test_no_event_comes_later_than_is_waited_for_and_heartbeats_keep_their_time(rule: Rule) -> None:
    found = orders(EVENTS, rule)

    assert {each.event.id for order in found for each in order if delay(each) == 6 * HOUR} == {"a", "b", "c"}
    assert all(0 <= delay(each) <= 6 * HOUR for order in found for each in order)
    assert all(delay(each) == 0 for order in found for each in order if each.event.id == "h")
    assert all(order == sorted(order, key=lambda each: each.arrived_us) for order in found)
    assert len({tuple(each.event.id for each in order) for order in found}) > 10


def test_where_channels_vouch_nothing_comes_behind_what_its_channel_said_later(vouching: Rule) -> None:
    found = orders([arrival("a", 0), arrival("b", 1), arrival("h", 2, action="heartbeat"), arrival("c", 3)], vouching)

    assert all([each.event.id for each in order] == ["a", "b", "h", "c"] for order in found)
    assert all(0 <= delay(each) <= 2 * HOUR for order in found for each in order)
    assert len({tuple(delay(each) for each in order) for order in found}) > 10


def test_what_is_late_or_a_copy_is_left_out(rule: Rule) -> None:
    arrivals = [arrival("a", 0), arrival("b", 8), arrival("b", 8), arrival("late", 1, 9), arrival("in time", 6, 5)]

    assert [each.event.id for each in in_time(rule, arrivals, Pipeline([rule], CHANNELS))] == ["a", "b", "in time"]


def test_what_comes_behind_a_vouching_channel_or_later_than_max_hold_is_left_out(vouching: Rule) -> None:
    pipeline = Pipeline([vouching], CHANNELS)
    arrivals = [
        arrival("a", 0), arrival("b", 2), arrival("behind", 1, 1), arrival("c", 1, 1, channel="hotline"),
        arrival("held", 3, 3),
    ]  # fmt: skip

    assert [each.event.id for each in in_time(vouching, arrivals, pipeline)] == ["a", "b", "c"]
