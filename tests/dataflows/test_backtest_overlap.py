"""Two books held against each other."""

from __future__ import annotations

from dataflows.backtest_overlap import overlaps
from dataflows.backtest_tally import AlertLine

HOUR = 3_600_000_000


def line(key: str, opened: int, ended: int = 0, level: int = 0, rule: str = "r", state: str = "open") -> AlertLine:
    reached = [0, 0, 0]
    reached[level] = opened * HOUR
    ended_us = ended * HOUR
    return AlertLine(f"{rule}/{key}/{opened}", rule, {"k": key}, opened * HOUR, reached, ended_us=ended_us, state=state)


def test_alerts_of_one_key_that_are_open_together_are_one() -> None:
    a = [line("x", 10), line("y", 10, 20), line("only-a", 1)]
    b = [line("x", 14), line("y", 30, 40), line("only-b", 1)]

    (found,) = overlaps(a, b)

    assert (found.only_a, found.both, found.only_b) == (2, 1, 2), "the two about y do not meet"
    assert found.median_earlier_us == 4 * HOUR


def test_later_is_negative_and_another_level_is_counted() -> None:
    (found,) = overlaps([line("x", 9, level=2)], [line("x", 7, level=0)])

    assert found.median_earlier_us == -2 * HOUR
    assert found.level_changed == 1


def test_each_alert_is_matched_once() -> None:
    (found,) = overlaps([line("x", 1)], [line("x", 2), line("x", 3)])

    assert (found.only_a, found.both, found.only_b) == (0, 1, 1)


def test_rules_are_told_apart_and_what_is_retracted_is_none() -> None:
    found = overlaps([line("x", 1, rule="r1")], [line("x", 1, rule="r2"), line("z", 1, rule="r3", state="retracted")])

    assert [(one.rule, one.only_a, one.both, one.only_b) for one in found] == [("r1", 1, 0, 0), ("r2", 0, 0, 1)]


def test_nothing_in_common_has_no_median() -> None:
    (found,) = overlaps([line("x", 1)], [])

    assert found.median_earlier_us is None
