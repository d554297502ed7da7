"""The tests of a rule in other circumstances: what is tried, and what is said when it goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.authoring import rule_orders
from alerts.authoring.rule_case import Case, read_cases
from alerts.authoring.rule_trial import Plan, Trial, Variant, try_case
from alerts.channel import Channel
from alerts.model import Text
from alerts.rule import Rule, compile_rule

HOUR = 3_600_000_000
CHANNELS = {
    name: Channel(name, Text(name, name), 2, HOUR, 100 * HOUR) for name in ("police", "hotline")
}  # fmt: skip
EVERY: frozenset[Variant] = frozenset(("shuffle", "dup", "restart"))
FIRES = [{"rev": 1, "level": "blue"}]


def call(id: str, at: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "at": at, "channel": "police", "action": "received", "matter": "m", **fields}


THREE = [call("a", "+0d 09:00"), call("b", "+0d 11:00", channel="hotline"), call("c", "+0d 12:00")]


def read(test: dict[str, Any]) -> tuple[Rule, Case]:
    rule = compile_rule(
        {
            "apiVersion": "rules/v1", "id": "a.one", "version": 1, "kind": "threshold",
            "title": {"zh": "测", "en": "t"}, "owner": "o", "purpose": "service-quality",
            "channels": ["police", "hotline"], "select": {"contact": {"action": ["received"]}}, "key": ["matter"],
            "window": {"size": "1d", "lateness": "6h"}, "levels": [{"gte": 3, "level": "blue"}],
            "lifecycle": {"quiet_close": "2d"}, "tests": [{"name": "three", **test}],
        },
        CHANNELS,
    )  # fmt: skip
    return rule, read_cases(rule.spec, CHANNELS)[0]


def attempt(plan: Plan, **test: Any) -> Trial:
    return try_case(*read(test), CHANNELS, plan)


def test_a_sound_rule_bears_every_variant() -> None:
    trial = attempt(Plan(EVERY, orders=30), events=THREE, expect=FIRES)

    assert trial.problems == []
    assert trial.runs == {"dup": 1, "restart": 1, "shuffle": 30}


def test_only_what_is_asked_for_is_tried() -> None:
    assert attempt(Plan(frozenset(["dup"])), events=THREE, expect=FIRES).runs == {"dup": 1}
    assert attempt(Plan(), events=THREE, expect=FIRES).runs == {}


def test_what_must_be_published_exactly_is_said_with_the_variant() -> None:
    trial = attempt(Plan(frozenset(["dup", "restart"])), events=THREE, expect=[])

    got = "must publish 0 revisions; got 1: ['rev 1 open blue opened at +0d 12:00']"
    assert trial.problems == [f"every event twice: {got}", f"restarted after each event: {got}"]


def test_an_order_that_leads_elsewhere_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that come later than the rule waits make a difference: here they are made to."""
    waits = rule_orders.waits
    monkeypatch.setattr(rule_orders, "waits", lambda rule: 9 * waits(rule))

    first = attempt(Plan(EVERY, seed=7), events=THREE, expect=FIRES).problems
    again = attempt(Plan(EVERY, seed=7), events=THREE, expect=FIRES).problems
    other = attempt(Plan(EVERY, seed=8), events=THREE, expect=FIRES).problems

    assert len(first) == 1
    assert " of seed 7: in order only `matter m` episode 1 blue of a, b, c; arrived: " in first[0]
    assert all(f"{event} at +" in first[0] for event in "abc")
    assert again == first
    assert other != first


@pytest.mark.parametrize(
    "late",
    [
        [*THREE, call("d", "+0d 10:00", arrive="+1d 09:00")],  # too late for the rule
        [*THREE, call("c", "+0d 12:00", arrive="+0d 13:00")],  # a copy
        [*THREE, {"id": "h", "at": "+0d 20:00", "channel": "police", "action": "heartbeat"}],
    ],
    ids=["late", "twice", "heartbeat"],
)
def test_late_events_copies_and_heartbeats_do_not_disturb_it(late: list[dict[str, Any]]) -> None:
    assert attempt(Plan(EVERY, orders=50), events=late, expect=FIRES).problems == []


def test_a_silence_of_a_test_is_borne_too() -> None:
    assert attempt(Plan(EVERY), events=[], expect=[]).problems == []
