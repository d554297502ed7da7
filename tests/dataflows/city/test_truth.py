"""Judging alerts against the planted stories."""

from __future__ import annotations

from typing import Any

from dataflows.city.stories import Story
from dataflows.city.truth import Truth, Verdict

REPEAT, CLIMB = "rc.repeat-contact", "cx.channel-climb"


class Told(Story, frozen=True):
    """A story of which only the ids matter."""

    ids: tuple[str, ...] = ()

    @property
    def event_ids(self) -> frozenset[str]:
        return frozenset(self.ids)


QUARREL = Told("quarrel/0", "争吵", {REPEAT: "yellow"}, (CLIMB,), ids=("q1", "q2", "q3"))
HARMLESS = Told("harmless/0", "建议", ids=("h1", "h2", "h3"))
TRUTH = Truth([QUARREL, HARMLESS])


def judge(*alerts: dict[str, Any]) -> Verdict:
    return TRUTH.judge(alerts)


def alert(rule: str, level: str, *ids: str) -> dict[str, Any]:
    return {"rule": rule, "key": {"matter": "m"}, "level_max": level, "evidence_ids": list(ids)}


def test_a_story_is_found_at_its_level() -> None:
    verdict = judge(alert(REPEAT, "yellow", "q1", "q2", "q3"))

    assert verdict.is_perfect
    assert [one.story for one in verdict.found] == ["quarrel/0"]
    assert verdict.lines() == ["found 1 of 1, false alarms 0"]


def test_evidence_may_be_ids_or_maps() -> None:
    as_maps = {"rule": REPEAT, "level_max": "yellow", "evidence": [{"id": "q1"}, {"id": "q2"}]}
    as_ids = {"rule": REPEAT, "level_max": "yellow", "evidence": ["q1", "q2"]}

    assert judge(as_maps).is_perfect
    assert judge(as_ids).is_perfect


def test_silence_is_a_miss() -> None:
    verdict = judge()

    assert [(one.rule, one.must_reach, one.level) for one in verdict.missed] == [(REPEAT, "yellow", None)]
    assert not verdict.is_perfect
    assert "missed quarrel/0 争吵: rc.repeat-contact yellow" in verdict.lines()


def test_too_low_and_too_high_are_both_wrong() -> None:
    for level in ("blue", "red"):
        verdict = judge(alert(REPEAT, level, "q1", "q2"))
        assert [one.level for one in verdict.wrong_level] == [level]
        assert not verdict.found


def test_of_several_alerts_about_a_story_the_highest_counts() -> None:
    assert judge(alert(REPEAT, "blue", "q1"), alert(REPEAT, "yellow", "q2")).is_perfect


def test_what_a_story_may_raise_is_allowed_and_not_asked_for() -> None:
    verdict = judge(alert(REPEAT, "yellow", "q1"), alert(CLIMB, "blue", "q1", "q2"))

    assert verdict.is_perfect
    assert verdict.allowed == 1


def test_an_alert_on_the_everyday_is_false() -> None:
    verdict = judge(alert(REPEAT, "blue", "x1", "x2", "q1"))

    assert [(one.story, one.rule) for one in verdict.false_alarms] == [(None, REPEAT)]
    assert "false rc.repeat-contact blue from the everyday: x1, x2, q1" in verdict.lines()


def test_an_alert_by_a_rule_that_the_story_does_not_call_for_is_false() -> None:
    verdict = judge(alert("gi.group-incident", "blue", "q1", "q2"))

    assert [one.story for one in verdict.false_alarms] == ["quarrel/0"]


def test_one_event_of_the_harmless_resident_is_one_too_many() -> None:
    verdict = judge(alert(CLIMB, "blue", "x1", "x2", "x3", "h1"), alert(CLIMB, "blue", "h1", "h2"))

    assert len(verdict.false_alarms) == len(verdict.on_harmless) == 2


def test_rules_that_the_truth_does_not_know_are_named_and_not_judged() -> None:
    verdict = judge(alert("sla.hotline-close", "red", "q1"))

    assert verdict.unjudged == ("sla.hotline-close",)
    assert not verdict.false_alarms
