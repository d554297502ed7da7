"""match: one event is enough."""

from __future__ import annotations

from typing import Any

from small_city import DAY, HOUR, Run, make_rule, report, said

from alerts.rule import Rule

LEVELS: list[dict[str, Any]] = [
    {"level": "blue"},
    {"level": "yellow", "event": {"violence|gte": 2}},
    {"level": "red", "event": {"cues|any": ["weapon"]}},
]


def match(levels: list[dict[str, Any]] = LEVELS) -> Rule:
    return make_rule("match", window={}, levels=levels, lifecycle={"quiet_close": "1d", "reopen_within": "1d"})


def test_one_event_is_enough_and_the_highest_rung_that_fits_is_its_level() -> None:
    run = Run(match())

    assert said(run.tell(report("a", 0))) == [(1, "open", "blue", "opened")]
    assert said(run.tell(report("b", HOUR, violence=1))) == []
    assert said(run.tell(report("c", 2 * HOUR, cues=("weapon",)))) == [(2, "open", "red", "level_up")]
    assert run.revisions[-1].count == 3


def test_an_event_that_fits_two_rungs_has_the_higher_level() -> None:
    assert Run(match()).tell(report("a", 0, violence=3, cues=("weapon",)))[0].level == "red"


def test_an_event_that_fits_no_rung_says_nothing() -> None:
    run = Run(match(levels=LEVELS[1:]))

    assert run.tell(report("a", 0, violence=1)) == []
    assert said(run.tell(report("b", HOUR, violence=2))) == [(1, "open", "yellow", "opened")]


def test_a_match_closes_when_it_was_quiet_and_opens_again() -> None:
    run = Run(match())
    run.tell(report("a", 0))
    run.wait_until(3 * DAY)
    run.tell(report("b", 3 * DAY))
    run.tell(report("c", int(3.5 * DAY)))

    assert said(run.revisions) == [
        (1, "open", "blue", "opened"), (2, "closed", "blue", "quiet"), (1, "open", "blue", "opened"),
    ]  # fmt: skip
    assert [r.episode for r in run.revisions] == [1, 1, 2]
