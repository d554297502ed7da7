"""new_value: something that a key has not said for a long time, or never."""

from __future__ import annotations

from typing import Any

import pytest
from small_city import DAY, HOUR, MINUTE, Run, make_rule, report, said

from alerts.model import Link, Revision
from alerts.rule import Rule

NEW = {"forget_after": "60d", "known_for": "10d"}


def new_value(**parts: Any) -> Rule:
    """A subcategory that is new to a pair; known for ten days, new for a day."""
    known = {
        "of": "subcategory", "window": {"lateness": "6h"}, "when": {"new_value": NEW, "eager": True},
        "levels": [{"gte": 1, "level": "blue"}, {"gte": 3, "level": "red"}],
    }  # fmt: skip
    return make_rule("new_value", **{**known, **parts})


def tell(run: Run, name: str, at: int, value: str | None, **fields: Any) -> list[Revision]:
    return run.tell(report(name, at, subcategory=value, **fields))


def test_a_value_that_a_known_key_never_had_speaks_at_once() -> None:
    run = Run(new_value())
    tell(run, "a", 0, "noise")

    found = tell(run, "b", 10 * DAY, "gas")
    assert said(found) == [(1, "open", "blue", "opened")]
    assert (found[0].branches, found[0].count) == (("gas",), 1)


def test_a_key_that_was_just_met_cannot_surprise() -> None:
    run = Run(new_value())
    tell(run, "a", 0, "noise")

    assert tell(run, "b", 10 * DAY - MINUTE, "gas") == []


def test_a_value_that_came_before_is_not_new_until_it_is_forgotten() -> None:
    run = Run(new_value(lifecycle={"quiet_close": "1d"}))
    tell(run, "a", 0, "gas")
    tell(run, "b", 20 * DAY, "noise")
    opened = run.wait_until(30 * DAY)
    assert [(r.state, r.branches) for r in run.revisions] == [("open", ("noise",)), ("closed", ("noise",))]
    assert opened

    assert tell(run, "c", 60 * DAY - MINUTE, "gas") == []
    assert tell(run, "d", 119 * DAY, "gas") == []
    run.wait_until(178 * DAY)
    assert tell(run, "e", 179 * DAY, "gas") == []  # forgotten, but nobody knows the key any more


def test_a_value_that_is_exactly_forgotten_is_new() -> None:
    run = Run(new_value())
    tell(run, "a", 0, "gas")
    tell(run, "b", MINUTE, None)

    assert said(tell(run, "c", 60 * DAY, "gas")) == [(1, "open", "blue", "opened")]


def test_the_rungs_count_the_contacts_of_the_first_day() -> None:
    run = Run(new_value())
    tell(run, "a", 0, "noise")
    for number in range(3):
        tell(run, f"b{number}", 20 * DAY + number * HOUR, "gas")

    assert said(run.revisions)[-1] == (2, "open", "red", "level_up")


def test_after_its_first_day_a_value_is_no_longer_new() -> None:
    run = Run(new_value(levels=[{"gte": 2, "level": "blue"}]))
    tell(run, "a", 0, "noise")
    tell(run, "b", 20 * DAY, "gas")

    assert tell(run, "c", 21 * DAY, "gas") == []


def test_a_transfer_is_no_second_contact() -> None:
    run = Run(new_value(levels=[{"gte": 2, "level": "blue"}]))
    tell(run, "a", 0, "noise")
    tell(run, "b", 20 * DAY, "gas")

    assert tell(run, "c", 20 * DAY + HOUR, "gas", link=Link("transfer", "b")) == []
    assert said(tell(run, "d", 20 * DAY + HOUR, "gas")) == [(1, "open", "blue", "opened")]


@pytest.mark.parametrize("value", [None, ""])
def test_an_absent_value_never_counts_but_its_key_is_known(value: str | None) -> None:
    run = Run(new_value())
    tell(run, "a", 0, value)

    assert tell(run, "b", 10 * DAY, value) == []
    assert said(tell(run, "c", 10 * DAY + HOUR, "gas")) == [(1, "open", "blue", "opened")]


def test_an_earlier_event_that_arrives_late_takes_it_back() -> None:
    run = Run(new_value())
    tell(run, "a", 0, "noise")
    tell(run, "b", 20 * DAY, "gas")
    earlier = report("c", 20 * DAY - HOUR, subcategory="gas")

    assert said(run.tell(earlier, arrive=20 * DAY + HOUR)) == []  # still new, and two of it
    assert run.revisions[-1].branches == ("gas",)

    older = report("d", 19 * DAY - HOUR, subcategory="gas")
    assert run.tell(older, arrive=20 * DAY + 2 * HOUR) == []  # too late to be judged at all


def test_unless_it_is_eager_it_waits_for_what_may_still_arrive() -> None:
    run = Run(new_value(when={"new_value": NEW}))
    tell(run, "a", 0, "noise")

    assert tell(run, "b", 20 * DAY, "gas") == []
    assert said(run.wait_until(20 * DAY + 6 * HOUR + MINUTE)) == [(1, "open", "blue", "opened")]


def test_nobody_waits_for_a_value_that_has_long_been_known() -> None:
    run = Run(new_value(when={"new_value": NEW}))
    tell(run, "a", 0, "noise")
    run.wait_until(20 * DAY)
    for number in range(100):
        tell(run, f"b{number}", 20 * DAY + number * MINUTE, "noise")
    waiting = len(run.pipeline.shards[0].timers)
    tell(run, "c", 21 * DAY, "gas")

    assert waiting <= 2  # to be forgotten, the first one and the last
    assert said(run.wait_until(22 * DAY)) == [(1, "open", "blue", "opened")]


def test_several_values_of_one_event_are_said_as_one() -> None:
    run = Run(new_value(of="cues"))
    run.tell(report("a", 0, cues=()))

    assert run.tell(report("b", 20 * DAY, cues=("weapon", "strangle")))[0].branches == ("weapon,strangle",)
