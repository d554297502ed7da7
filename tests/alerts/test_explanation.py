"""Why a revision says what it says, kind by kind, and what the next level still needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from small_city import make_rule

from alerts.entry import Verdict
from alerts.episode import Episode, Facts
from alerts.explanation import explain, nearest
from alerts.model import Kind, Nearest
from alerts.rule import Rule
from alerts.rule_file import BaselineSettings, Condition, Rung, StageSettings, When

CUES = [
    {"name": "weapon", "event": {"cues|any": ["weapon"]}, "points": 3},
    {"name": "told", "event": {}, "points": 1, "cap": 2},
]


def episode(level: int, **fields: Any) -> Episode:
    made = Episode()
    made.level = level
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def with_kind(kind: Kind, **parts: Any) -> Rule:
    """A rule whose file says that it is of a kind; only what is explained is in it."""
    rule = make_rule()
    rule.spec = msgspec.structs.replace(rule.spec, kind=kind, **parts)
    return rule


def test_a_match_names_the_rung_that_fitted() -> None:
    levels = [{"level": "blue"}, {"level": "red", "event": {"cues|any": ["weapon"]}}]
    rule = make_rule("match", window={}, levels=levels)

    assert explain(rule, episode(3), Verdict(3, 1))["any"] == [
        {"condition": "event", "wanted": {}, "level": "blue", "passed": False},
        {"condition": "event", "wanted": {"cues|any": ["weapon"]}, "level": "red", "passed": True},
    ]
    assert nearest(rule, episode(1), Verdict(1, 1)) is None


def test_a_score_lists_what_it_added_up_and_what_is_missing() -> None:
    levels = [{"gte": 4, "level": "blue"}, {"gte": 9, "level": "red"}]
    rule = make_rule("score", when={"score": CUES}, levels=levels)
    best = Verdict(1, 2, measures=(("score", 5), ("parts", {"weapon": 3, "told": 2})))

    assert explain(rule, episode(1), best) == {
        "window": "2d",
        "any": [
            {"condition": "gte", "value": 5, "wanted": 4, "level": "blue", "passed": True},
            {"condition": "gte", "value": 5, "wanted": 9, "level": "red", "passed": False},
            {"cue": "weapon", "value": 3, "points": 3, "cap": None, "passed": True},
            {"cue": "told", "value": 2, "points": 1, "cap": 2, "passed": True},
        ],
    }
    assert nearest(rule, episode(1), best) == Nearest("red", 4)


def test_a_ratio_shows_its_share_and_its_denominator() -> None:
    levels = [{"ratio": 0.3, "level": "blue"}, {"ratio": 0.5, "level": "yellow"}]
    rule = make_rule("ratio", when={"ratio": {"of": {}, "at_least": 20}}, levels=levels)
    best = Verdict(1, 12, measures=(("ratio", 0.3077), ("of", 12), ("among", 39)))

    assert explain(rule, episode(1), best)["any"] == [
        {"condition": "at_least", "value": 39, "wanted": 20, "passed": True},
        {"condition": "ratio", "value": 0.3077, "wanted": 0.3, "level": "blue", "passed": True},
        {"condition": "ratio", "value": 0.3077, "wanted": 0.5, "level": "yellow", "passed": False},
    ]
    assert nearest(rule, episode(1), best) == Nearest("yellow", 15)  # 27 of 54


def test_a_share_that_was_rounded_down_has_still_passed() -> None:
    levels = [{"ratio": 0.33333, "level": "blue"}]
    rule = make_rule("ratio", when={"ratio": {"of": {}, "at_least": 1}}, levels=levels)
    best = Verdict(1, 1, measures=(("ratio", 0.3333), ("of", 1), ("among", 3)))

    assert explain(rule, episode(1), best)["any"][1]["passed"] is True


@pytest.mark.parametrize(
    ("of", "among", "rung", "needs"), [(1, 2, 0.75, 2), (3, 10, 0.5, 4), (0, 3, 0.5, 3), (7, 10, 0.8, 5)]
)
def test_so_many_more_of_the_sort_reach_the_share_and_one_less_does_not(
    of: int, among: int, rung: float, needs: int
) -> None:
    rule = make_rule("ratio", when={"ratio": {"of": {}}}, levels=[{"ratio": rung, "level": "red"}])
    found = nearest(rule, episode(1), Verdict(1, measures=(("of", of), ("among", among))))

    assert found == Nearest("red", needs)
    assert (of + needs) / (among + needs) >= rung > (of + needs - 1) / (among + needs - 1)


def test_a_new_value_shows_its_count_and_its_value() -> None:
    new = {"new_value": {"forget_after": "60d"}}
    levels = [{"gte": 1, "level": "blue"}, {"gte": 3, "level": "red"}]
    rule = make_rule("new_value", of="unit", window={}, when=new, levels=levels)
    best = Verdict(1, 1, branches=("u1",))

    assert explain(rule, episode(1, branches=frozenset(["u1"])), best)["any"] == [
        {"condition": "gte", "value": 1, "wanted": 1, "level": "blue", "passed": True},
        {"condition": "gte", "value": 1, "wanted": 3, "level": "red", "passed": False},
        {"branch": "u1", "passed": True},
    ]
    assert nearest(rule, episode(1), best) == Nearest("red", 2)


def test_a_sequence_says_how_many_steps_are_missing() -> None:
    steps = [{"name": name, "event": {}} for name in "abc"]
    levels = [{"steps": 1, "level": "blue"}, {"steps": 3, "level": "red"}]
    rule = make_rule("sequence", when={"steps": steps}, levels=levels)

    assert nearest(rule, episode(1, steps=1), Verdict(1, steps=1)) == Nearest("red", 2)


def test_an_obligation_shows_its_stages_and_its_breach() -> None:
    rule = with_kind("obligation", levels=[], stages=[StageSettings("80%", "blue"), StageSettings("100%", "yellow")])
    due = datetime(2026, 3, 9, 2, tzinfo=UTC)

    assert explain(rule, episode(1, facts=Facts(due=due, stage="80%")), Verdict(1))["any"] == [
        {"condition": "stage", "value": "80%", "wanted": "80%", "level": "blue", "passed": True},
        {"condition": "stage", "value": "80%", "wanted": "100%", "level": "yellow", "passed": False},
        {"condition": "due", "value": None, "wanted": "2026-03-09T02:00:00+00:00", "passed": False},
    ]
    breached = explain(rule, episode(2, facts=Facts(due=due, stage="100%", breach_seconds=60)), Verdict(2))["any"]
    assert [each["passed"] for each in breached] == [True, True, True]
    assert nearest(rule, episode(2), Verdict(2)) is None


def test_a_surge_shows_what_had_to_hold_on_each_slide() -> None:
    when = When(all=[Condition(count_gte=8), Condition(score_gte=4.0)])
    rule = with_kind("surge", when=when, levels=[Rung("blue", ratio=3.0), Rung("yellow", ratio=6.0)])
    best = Verdict(1, 9, measures=(("median", 2.0), ("score", 7.0), ("ratio", 4.5)))

    assert explain(rule, episode(1), best)["any"] == [
        {"condition": "count_gte", "value": 9, "wanted": 8, "passed": True},
        {"condition": "score_gte", "value": 7.0, "wanted": 4.0, "passed": True},
        {"condition": "ratio", "value": 4.5, "wanted": 3.0, "level": "blue", "passed": True},
        {"condition": "ratio", "value": 4.5, "wanted": 6.0, "level": "yellow", "passed": False},
    ]


def test_a_daily_surge_shows_how_unlikely_the_count_is() -> None:
    rule = with_kind("surge", baseline=BaselineSettings(p=1e-3), levels=[])

    assert explain(rule, episode(1), Verdict(1, 9, measures=(("p", 2e-4),)))["any"] == [
        {"condition": "p_lt", "value": 2e-4, "wanted": 1e-3, "passed": True}
    ]


def test_a_silence_shows_how_long_it_is_quiet_and_for_how_long_it_may_be() -> None:
    best = Verdict(2, measures=(("quiet_seconds", 7200), ("expected_seconds", 3600)))

    assert explain(with_kind("silence"), episode(2), best)["any"] == [
        {"condition": "quiet_seconds", "value": 7200, "wanted": 3600, "level": "yellow", "passed": True}
    ]
