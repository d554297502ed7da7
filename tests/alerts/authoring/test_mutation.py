"""Mutants against the tests of a rule: who is killed, who survives, who is waived."""

from __future__ import annotations

from typing import Any

from alerts.authoring.mutation import RuleUnderTest, Tried, stale_waivers, try_mutants
from alerts.authoring.rule_case import read_cases
from alerts.channel import Channel
from alerts.model import Text
from alerts.rule import compile_rule

HOUR = 3_600_000_000
CHANNELS = {"police": Channel("police", Text("公安", "police"), 2, HOUR, HOUR)}


def call(id: str, at: str) -> dict[str, Any]:
    return {"id": id, "at": at, "channel": "police", "action": "received", "matter": "m"}


OPENS = {"name": "two open", "events": [call("a", "+0d 09:00"), call("b", "+6d 09:00")], "expect": [{"level": "blue"}]}
ONE = {"name": "one does not", "events": [call("a", "+0d 09:00")], "expect": []}
OLD = {"name": "seven days", "events": [call("a", "+0d 09:00"), call("b", "+7d 09:00")], "expect": []}
YOUNG = {"name": "a minute less", "events": [call("a", "+0d 09:00"), call("b", "+7d 08:59")], "expect": [{"rev": 1}]}
CLOSED = {"name": "no closing", "events": [call("a", "+0d 09:00"), call("b", "+1d 09:00") | {"action": "closed"}],
          "expect": []}  # fmt: skip
RULE: dict[str, Any] = {
    "apiVersion": "rules/v1", "id": "a.one", "version": 1, "kind": "threshold", "title": {"zh": "测", "en": "t"},
    "owner": "o", "purpose": "service-quality", "channels": ["police"], "select": {"contact": {"action": ["received"]}},
    "key": ["matter"], "window": {"size": "7d"}, "levels": [{"gte": 2, "level": "blue"}],
    "tests": [OPENS, ONE, OLD, YOUNG, CLOSED],
}  # fmt: skip
LONGER = "window.size 7d -> 7d1m"


def under_test(**changes: Any) -> RuleUnderTest:
    data = {**RULE, **changes}
    rule = compile_rule(data, CHANNELS)
    return RuleUnderTest(data, rule, read_cases(rule.spec, CHANNELS))


def tried(*same: RuleUnderTest) -> dict[str, Tried]:
    return {each.mutant.name: each for each in try_mutants(same, CHANNELS)}


def survivors(*same: RuleUnderTest) -> list[str]:
    return [name for name, each in tried(*same).items() if each.survived]


def test_tests_on_every_edge_kill_every_mutant() -> None:
    found = tried(under_test())

    assert list(found) == [
        "levels.0.gte 2 -> 1", "levels.0.gte 2 -> 3", "window.size 7d -> 6d23h59m", LONGER,
        "select.condition: contact dropped",
    ]  # fmt: skip
    assert {name: each.killer.name for name, each in found.items() if each.killer}[LONGER] == "seven days"
    assert survivors(under_test()) == []


def test_an_edge_without_a_test_is_a_survivor() -> None:
    assert survivors(under_test(tests=[OPENS, ONE, OLD, CLOSED])) == ["window.size 7d -> 6d23h59m"]
    assert survivors(under_test(tests=[OPENS, ONE, YOUNG, CLOSED])) == [LONGER]
    assert survivors(under_test(tests=[OPENS, ONE, OLD, YOUNG])) == ["select.condition: contact dropped"]


def test_a_mutant_that_cannot_be_compiled_or_means_the_same_is_none() -> None:
    steps = {"kind": "sequence", "when": {"steps": [{"name": "s", "event": {"action": ["received"]}}]},
             "levels": [{"steps": 1, "level": "blue"}, {"steps": 2, "level": "red"}]}  # fmt: skip

    assert "levels.0.steps 1 -> 2" not in tried(under_test(**steps, tests=[]))
    assert "levels.0.steps 1 -> 0" in tried(under_test(**steps, tests=[]))


def test_a_waiver_lets_a_survivor_pass_and_tells_why() -> None:
    one = under_test(tests=[OPENS, ONE, YOUNG, CLOSED], waivers=[{"mutant": LONGER, "reason": "nobody minds"}])

    found = tried(one)

    assert found[LONGER].waiver is not None
    assert found[LONGER].waiver.reason == "nobody minds"
    assert not found[LONGER].survived
    assert list(stale_waivers([one], list(found.values()))) == []


def test_a_waiver_of_what_is_killed_or_of_nothing_is_stale() -> None:
    one = under_test(waivers=[{"mutant": LONGER, "reason": "r"}, {"mutant": "window.size 7d -> 8d", "reason": "r"}])

    assert [each.sentence for each in stale_waivers([one], list(tried(one).values()))] == [
        f"a waiver must name a mutant that survives; got `{LONGER}`, which a test kills; take it out",
        "a waiver must name a mutant that survives; got `window.size 7d -> 8d`, which there is not; "
        "did you mean `window.size 7d -> 7d1m`",
    ]


def test_rules_that_mean_the_same_share_their_tests_and_waivers() -> None:
    one = under_test(tests=[OPENS, ONE, OLD])
    other = under_test(id="b.two", tests=[CLOSED], waivers=[{"mutant": "window.size 7d -> 6d23h59m", "reason": "r"}])

    assert survivors(one, other) == []
    assert {each.member for each in tried(one, other).values()} == {0}  # the other has the same mutants
    assert survivors(one) == ["window.size 7d -> 6d23h59m", "select.condition: contact dropped"]


def test_a_test_that_fails_as_it_stands_kills_nothing() -> None:
    assert LONGER in survivors(under_test(tests=[OPENS, {**YOUNG, "expect": []}]))
