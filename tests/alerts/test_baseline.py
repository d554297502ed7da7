"""What is usual: medians, spreads and tails against numbers worked out another way."""

from __future__ import annotations

from fractions import Fraction
from math import comb, exp, factorial, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.baseline import History, Usual, daily_usual, median, ratio, score, slot_usual, tail


def history(counts: dict[int, int], *flagged: int) -> History:
    kept = History()
    for bucket, count in sorted(counts.items()):
        kept.add(bucket, count)
    for bucket in flagged:
        kept.flag(bucket, bucket)
    return kept


@pytest.mark.parametrize(
    ("values", "middle"), [([3], 3.0), ([5, 1], 3.0), ([9, 1, 2], 2.0), ([4, 1, 3, 2], 2.5)], ids=str
)
def test_the_median_is_the_middle_value_or_the_mean_of_two(values: list[int], middle: float) -> None:
    assert median(values) == middle


def test_a_slot_is_its_median_and_the_median_distance_from_it() -> None:
    usual = slot_usual([1, 2, 2, 3, 20])

    assert usual[:3] == (2.0, 1.0, 5)
    assert usual.digest == slot_usual([20, 2, 1, 3, 2]).digest != slot_usual([20, 2, 1, 3, 3]).digest


def test_days_are_their_mean_and_sample_variance() -> None:
    assert daily_usual([1, 2, 3, 6])[:3] == (3.0, 14 / 3, 4)


def test_where_nothing_ever_happened_one_event_in_as_many_days_is_expected() -> None:
    assert daily_usual([0] * 20).middle == 0.05


def test_a_deviation_and_an_expectation_are_at_least_one_event() -> None:
    assert score(12, Usual(6, 0.5, 8, "")) == 6
    assert score(12, Usual(2, 1, 8, "")) == pytest.approx(10 / 1.4826)
    assert ratio(5, 0.1) == 5
    assert ratio(12, 6) == 2


def poisson_tail(count: int, mean: Fraction) -> float:
    below = sum(mean**k / factorial(k) for k in range(count))
    return 1 - float(below) * exp(-float(mean))


def binomial_tail(count: int, mean: Fraction, shape: int) -> float:
    """A negative binomial of whole shape counts failures before so many successes: exact in fractions."""
    success = shape / (shape + mean)
    return float(1 - sum(comb(k + shape - 1, k) * success**shape * (1 - success) ** k for k in range(count)))


@given(st.integers(0, 40), st.integers(1, 200))
def test_days_that_vary_no_more_than_chance_are_a_poisson(count: int, tenths: int) -> None:
    mean = Fraction(tenths, 10)

    assert tail(count, float(mean), 0.0) == pytest.approx(poisson_tail(count, mean), abs=1e-9)


@given(st.integers(0, 40), st.integers(1, 200), st.integers(1, 30))
def test_days_that_vary_more_are_a_negative_binomial(count: int, tenths: int, shape: int) -> None:
    mean = Fraction(tenths, 10)
    variance = float(mean + mean * mean / shape)

    assert tail(count, float(mean), variance) == pytest.approx(binomial_tail(count, mean, shape), rel=1e-6)


@pytest.mark.parametrize("more", [0.0, 1e-16, 1e-12, 1e-7, 2e-6, 1e-4])
def test_variances_just_above_the_mean_are_almost_a_poisson(more: float) -> None:
    assert tail(2, 1.0, 1.0 + more) == pytest.approx(tail(2, 1.0, 1.0), rel=1e-3)
    assert tail(150, 100.0, 100.0 * (1.0 + more)) == pytest.approx(tail(150, 100.0, 100.0), rel=1e-2)


def test_a_scaled_expectation_keeps_its_shape() -> None:
    assert tail(12, 2.0, 4.0, 3.0) == pytest.approx(binomial_tail(12, Fraction(6), 2), rel=1e-9)


def test_known_tails() -> None:
    assert tail(0, 3.0, 9.0) == 1.0
    assert tail(1, 1.0, 1.0) == pytest.approx(1 - exp(-1))
    assert tail(10, 1.0, 1.0) == pytest.approx(1.1142547833872071e-07, rel=1e-9)
    assert tail(1, 0.1, 0.0) == pytest.approx(0.09516258196404044)
    assert tail(2000, 2000.0, 2000.0) == pytest.approx(0.5030, abs=1e-4)
    assert tail(2300, 2000.0, 2000.0) < 1e-9


@pytest.mark.parametrize("count", [10, 500, 3000, 6000])
@pytest.mark.parametrize(("mean", "variance"), [(0.05, 0.05), (3, 40), (1000, 1200), (1500, 90000)], ids=str)
def test_a_tail_is_a_probability_and_falls_with_the_count(count: int, mean: float, variance: float) -> None:
    here, further = tail(count, mean, variance), tail(count + 1, mean, variance)

    assert 0 <= further <= here <= 1
    assert here < inf


def test_a_history_adds_up_the_buckets_that_end_with_each_end() -> None:
    kept = history({1: 2, 2: 3, 5: 1})

    assert kept.total(2, 2) == 5
    assert kept.totals([2, 3, 5], 1) == [3, 0, 1]
    assert kept.totals([2, 3, 5], 3) == [5, 5, 1]


def test_a_sum_that_touches_a_flagged_bucket_is_left_out() -> None:
    kept = history({1: 2, 2: 30, 3: 1, 4: 1}, 2)

    assert kept.totals([1, 2, 3, 4], 1) == [2, 1, 1]
    assert kept.totals([1, 2, 3, 4], 2) == [2, 2]


def test_a_history_forgets_and_comes_back_as_it_was() -> None:
    kept = history({1: 2, 2: 30, 3: 1}, 1, 3)
    kept.prune(2)
    again = History.restored(kept.state())

    counts, before = ([each.total(end, 1) for end in range(1, 5)] for each in (again, kept))
    assert counts == before == [0, 30, 1, 0]
    assert (again.state(), again.flagged) == (kept.state(), {3})
