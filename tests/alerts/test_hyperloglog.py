"""The estimate of a set's size: close, the same in any order, and the same after taking values out."""

from __future__ import annotations

import random

import pytest
from small_city import HOUR, MINUTE, RANKS, START, report

from alerts.entry import SELECTED, Entry
from alerts.fields import getter
from alerts.kinds.count import Distinct
from alerts.kinds.hyperloglog import STANDARD_ERROR, Sketch


@pytest.mark.parametrize("size", [0, 1, 100, 1_000, 10_000, 40_000])
def test_an_estimate_is_within_four_standard_errors(size: int) -> None:
    guess = Sketch(f"person-{n}" for n in range(size)).estimate()

    assert abs(guess - size) <= max(1, 4 * STANDARD_ERROR * size)


def test_the_order_of_the_values_changes_nothing() -> None:
    values = [f"p{n}" for n in range(3_000)]
    shuffled = random.Random(1).sample(values, len(values))

    assert Sketch(values).estimate() == Sketch(shuffled).estimate()


def test_values_taken_out_leave_the_estimate_of_what_is_left() -> None:
    rng = random.Random(2)
    values = [f"p{n}" for n in range(6_000)]
    gone = rng.sample(values, 3_500)
    sketch = Sketch(values)
    for value in gone:
        sketch.remove(value)

    assert sketch.estimate() == Sketch(set(values) - set(gone)).estimate()


def test_an_empty_set_has_nothing() -> None:
    sketch = Sketch(["a"])
    sketch.remove("a")

    assert sketch.estimate() == Sketch().estimate() == 0


def person(number: int, at: int) -> Entry:
    event = report(f"e{at}", at, reporter=f"p{number}")
    return (START + at, RANKS["hotline"], event.id, event.id, SELECTED, (f"p{number}",), event)


def test_a_count_says_whether_it_is_exact_and_does_not_depend_on_what_went_through_the_window() -> None:
    judge = Distinct(getter("reporter", {}), [(1, 1)], exact_up_to=40)
    running = judge.start(HOUR)
    rng = random.Random(3)
    told = [person(rng.randrange(120), n * MINUTE) for n in range(400)]
    seen = set()
    for number, entry in enumerate(told):
        running.take(entry)
        fresh = judge.start(HOUR)
        for each in told[max(0, number - 59) : number + 1]:
            fresh.take(each)
        verdict = running.verdict(settled=False)

        assert verdict == fresh.verdict(settled=False)
        assert verdict is not None
        seen.add(verdict.exact)
        different = len({each[5][0] for each in told[max(0, number - 59) : number + 1]})
        assert verdict.exact == (different <= 40)
        assert not verdict.exact or verdict.distinct == different
    assert seen == {True, False}
