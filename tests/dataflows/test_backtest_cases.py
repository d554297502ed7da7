"""Cases held against alerts."""

from __future__ import annotations

from typing import Any

from alerts.model import from_us
from dataflows.backtest_cases import Judged, judge
from dataflows.backtest_tally import AlertLine
from dataflows.city.planted import Case
from dataflows.city.when import DAY, HOUR

START = 1_772_409_600_000_000
RULE = "dv.violence-progression"


def case(**parts: Any) -> Case:
    whole: dict[str, Any] = {
        "id": "pressured/0", "zh": "家庭", "rule": RULE, "must_reach": "yellow",
        "starts_at": from_us(START), "ends_at": from_us(START + 10 * DAY), "event_ids": ("a", "b", "c"),
    }  # fmt: skip
    return Case(**{**whole, **parts})


def line(*reached: int, **parts: Any) -> AlertLine:
    """Days after the start at which blue, yellow and red were reached; -1 for never."""
    times = [START + day * DAY if day >= 0 else 0 for day in reached]
    known = {"known": ("a", "b"), "evidence": 2, "key": {"pair": "x"}, **parts}
    return AlertLine("al_1", RULE, known.pop("key"), min(at for at in times if at), times, **known)


def verdict(one: Case, *lines: AlertLine) -> Judged:
    (judged,) = judge([one], lines, [RULE])
    return judged


def test_the_lead_is_from_the_level_it_must_reach_to_the_end() -> None:
    judged = verdict(case(), line(1, 4, 9))

    assert judged.outcome == "found"
    assert judged.level == "red"
    assert judged.lead_us == 6 * DAY


def test_a_higher_level_is_enough_where_the_wanted_one_was_jumped_over() -> None:
    assert verdict(case(), line(1, -1, 7)).lead_us == 3 * DAY


def test_an_alert_after_the_end_has_a_negative_lead() -> None:
    assert verdict(case(), line(-1, 11, -1)).lead_us == -DAY


def test_a_level_below_is_too_low() -> None:
    judged = verdict(case(), line(1, -1, -1))

    assert (judged.outcome, judged.level, judged.lead) == ("too_low", "blue", None)


def test_the_first_of_several_alerts_counts() -> None:
    assert verdict(case(), line(5, 6, -1), line(1, 2, -1)).lead_us == 8 * DAY


def test_what_is_retracted_or_about_something_else_finds_nothing() -> None:
    assert verdict(case()).outcome == "missed"
    assert verdict(case(), line(1, 4, 9, state="retracted")).outcome == "missed"
    assert verdict(case(), line(1, 4, 9, evidence=5)).outcome == "missed", "two of five events"
    assert verdict(case(), line(50, 51, 52)).outcome == "missed", "long after its end"


def test_a_value_of_the_key_says_what_an_alert_is_about() -> None:
    surge = case(event_ids=(), about=("620102001",))

    assert verdict(surge, line(1, 4, 9, known=(), key={"township": "620102001"})).outcome == "found"
    assert verdict(surge, line(1, 4, 9, known=(), key={"township": "620102002"})).outcome == "missed"


def test_the_case_of_a_rule_that_did_not_run_is_not_judged() -> None:
    (judged,) = judge([case(rule="sla.hotline-close")], [], [RULE])

    assert judged.outcome == "not_judged"


def test_an_alert_may_be_a_little_older_than_the_case() -> None:
    one = line(0, 4, 9)
    one.opened_us -= HOUR

    assert verdict(case(), one).outcome == "found"
