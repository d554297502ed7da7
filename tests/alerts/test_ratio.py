"""ratio: what share of the contacts is of some sort."""

from __future__ import annotations

from typing import Any

from small_city import DAY, HOUR, MINUTE, Run, make_rule, report, said

from alerts.model import Link
from alerts.rule import Rule

LEVELS = [{"ratio": 0.5, "level": "blue"}, {"ratio": 0.75, "level": "red"}]


def ratio(**parts: Any) -> Rule:
    share = {"of": {"violence|gte": 1}, "among": {"channel": ["hotline"]}, "at_least": 4}
    return make_rule("ratio", **{"when": {"ratio": share, "eager": True}, "levels": LEVELS, **parts})


def tell(run: Run, *of: bool, channel: str = "hotline") -> None:
    """A contact an hour, violent or not."""
    start = len(run.routed)
    for number, is_of in enumerate(of, start):
        run.tell(report(f"e{number}", number * HOUR, channel, violence=int(is_of)))


def test_a_share_speaks_once_there_are_enough_to_compare() -> None:
    run = Run(ratio())
    tell(run, True, True, True)
    assert run.revisions == []

    tell(run, False)
    assert said(run.revisions) == [(1, "open", "red", "opened")]
    assert run.revisions[0].measures == {"ratio": 0.75, "of": 3, "among": 4}
    assert run.revisions[0].count == 3


def test_a_share_just_below_the_rung_says_nothing() -> None:
    run = Run(ratio())
    tell(run, True, False, False, False, True)

    assert run.revisions == []


def test_what_is_not_among_them_is_not_counted() -> None:
    run = Run(ratio())
    tell(run, True, True, True)
    tell(run, True, True, channel="police")

    assert run.revisions == []


def test_a_transfer_is_not_counted_twice() -> None:
    run = Run(ratio())
    tell(run, True, True, True)
    run.tell(report("again", 3 * HOUR, violence=1, link=Link("transfer", "e2")))

    assert run.revisions == []


def test_a_share_is_judged_when_the_watermark_has_passed() -> None:
    share = {"of": {"violence|gte": 1}, "at_least": 4}
    run = Run(ratio(when={"ratio": share}))
    tell(run, True, True, True, True)

    assert run.wait_until(9 * HOUR - MINUTE) == []
    assert said(run.wait_until(9 * HOUR + MINUTE)) == [(1, "open", "red", "opened")]


def test_an_eager_share_is_taken_back_when_a_late_event_lowers_it() -> None:
    run = Run(ratio(levels=LEVELS[1:]))
    tell(run, True, True, False, True)

    assert said(run.tell(report("late", 30 * MINUTE), arrive=4 * HOUR)) == [(2, "retracted", "red", "late_evidence")]


def test_what_is_as_old_as_the_window_is_out() -> None:
    run = Run(ratio())
    tell(run, True, True, True)
    run.tell(report("exactly", 2 * DAY))
    assert run.revisions == []

    run.tell(report("more", 2 * DAY + MINUTE))
    assert said(run.revisions) == [(1, "open", "blue", "opened")]  # e1, e2 of four
