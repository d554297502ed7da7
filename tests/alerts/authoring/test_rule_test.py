"""The tests inside a rule file that bring a calendar or a baseline of their own."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.authoring.rule_case import read_cases
from alerts.authoring.rule_test import drive, rule_for, run_tests
from alerts.calendar import calendar_of
from alerts.channel import Channel
from alerts.model import Text
from alerts.rule import compile_rule
from alerts.rule_file import RuleError

HOUR = 3_600_000_000
CHANNELS = {"police": Channel("police", Text("公安", "police"), 2, HOUR, HOUR)}
CALENDARS = {"cn": calendar_of({})}
HEADER = {
    "apiVersion": "rules/v1", "id": "a.one", "version": 1, "title": {"zh": "测", "en": "t"}, "owner": "o",
    "purpose": "operations", "channels": ["police"],
}  # fmt: skip
QUIET = {
    **HEADER, "kind": "silence", "key": ["channel"], "levels": [{"ratio": 1, "level": "blue"}],
    "silence": {"expected": {"police": "1h"}, "slots": [{"day_class": ["holiday"], "times": 3}]},
}  # fmt: skip
COUNT = {**HEADER, "kind": "threshold", "key": ["matter"], "window": {"size": "7d"},
         "levels": [{"gte": 2, "level": "blue"}]}  # fmt: skip
HEARD = {
    "clock": "2026-03-02T00:00:00",  # a Monday
    "events": [{"id": "h", "at": "+0d 09:00", "channel": "police", "action": "heartbeat"}],
    "advance_to": "+0d 11:00",
}


def problems(test: dict[str, Any], rule: dict[str, Any]) -> list[str]:
    [outcome] = run_tests(compile_rule({**rule, "tests": [{"expect": [], **test}]}, CHANNELS, 0, CALENDARS), CHANNELS)
    return outcome.problems


def refused(test: dict[str, Any], rule: dict[str, Any]) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(RuleError) as caught:
        problems(test, rule)
    return caught.value.sentence, caught.value.path


def test_the_calendar_of_a_test_stands_in_for_the_real_one() -> None:
    assert problems(HEARD, QUIET) != []  # a workday: an hour is too long
    assert problems({**HEARD, "calendar": {"holidays": ["2026-03-02"]}}, QUIET) == []


def test_a_calendar_that_is_none_is_refused() -> None:
    assert refused({"calendar": {"holidays": ["tomorrow"]}}, QUIET) == (
        "the `calendar` of a test must be right; days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `tomorrow`",
        ("tests", 0, "calendar"),
    )
    assert refused({"calendar": ["2026-03-02"]}, QUIET)[1] == ("tests", 0, "calendar")


def test_the_baseline_of_a_test_is_handed_to_the_rule() -> None:
    class Plan:
        stated: Any = None

        def with_baseline(self, stated: Any) -> Plan:
            twin = Plan()
            twin.stated = stated
            return twin

    rule = compile_rule({**COUNT, "tests": [{"baseline": {"median": 2}, "expect": []}]}, CHANNELS)
    plan: Any = Plan()
    rule.plan = plan

    found: Any = rule_for(read_cases(rule.spec, CHANNELS)[0], rule, CHANNELS)

    assert found.plan.stated == {"median": 2}
    assert plan.stated is None


def test_a_baseline_stands_in_tests_of_surges_only() -> None:
    assert refused({"baseline": {"median": 2, "mad": 1, "slots": 8}}, COUNT) == (
        "`baseline` must stand in tests of a surge rule; got kind `threshold`",
        ("tests", 0, "baseline"),
    )


def test_a_rule_that_raises_fails_its_test_and_is_not_merely_quiet() -> None:
    test = {"events": [{"id": "e", "at": "+0d 09:00", "channel": "police", "action": "received", "matter": "m"}]}
    rule = compile_rule({**COUNT, "tests": [{"expect": [], **test}]}, CHANNELS, 0, CALENDARS)
    rule.key_readers = [lambda event: ("0", str(1 // 0))]
    [case] = read_cases(rule.spec, CHANNELS)

    with pytest.raises(RuleError, match=r"a rule must judge every event; got ZeroDivisionError \(.+:\d+\)"):
        drive(rule, CHANNELS, case.arrivals, case.end)
