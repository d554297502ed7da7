"""The table of the rule book: medians over the runs, a row for each period and one for all."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.answers import AnswersDifferError
from benchmarks.book import RATE, report
from benchmarks.measure import Usage
from benchmarks.replay_run import Period, Run
from benchmarks.replays import Measured
from benchmarks.report import to_markdown


def measured(scale: float, **other: Any) -> Measured:
    """A run of two days that costs `scale` x 40 microseconds an event beside decoding, half of that in a stage."""
    spent = {"link": 0.01, "detect": 0.01, "publish": 0.0, "books": 0.0, "flow": 0.04, "decode": 0.002}
    days = [Period(name, 1_000, {stage: scale * cpu for stage, cpu in spent.items()}, 5_000_000) for name in ("a", "b")]
    facts: dict[str, Any] = {"revisions": 3, "alerts": 2, "strong": "d" * 64, **other}
    run = Run(days, {"flow": 1.0}, by_rule={}, peak_rss_bytes=9_000_000, **facts)
    return Measured(Usage(2.0, 3.0, 10_000_000), run)


def test_a_row_for_each_period_and_one_for_all_with_the_medians_of_the_runs() -> None:
    found = report([measured(1), measured(3), measured(2)], [])

    assert found.column("period") == ("a", "b", "all")
    assert found.column("events") == (1_000, 1_000, 2_000)
    assert found.column(RATE) == (12_500, 12_500, 12_500)
    assert found.column("link µs") == pytest.approx((20, 20, 20))
    assert found.column("rest µs") == pytest.approx((40, 40, 40))
    assert "digest dddddddddddddddd, equal in every run" in to_markdown(found)


def test_runs_that_say_different_things_make_no_table() -> None:
    with pytest.raises(AnswersDifferError, match="run 2: eeeeeeeeeeeeeeee"):
        report([measured(1), measured(1, strong="e" * 64)], [])
