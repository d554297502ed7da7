"""Programs that do not say the same are not compared."""

from __future__ import annotations

import pytest

from benchmarks.answers import AnswersDifferError, one_answer
from benchmarks.growth import check_rules


def test_the_answer_of_all_is_the_answer() -> None:
    assert one_answer({"run 1": "abc", "run 2": "abc"}) == "abc"


def test_an_answer_that_differs_is_reported_with_the_runs() -> None:
    with pytest.raises(AnswersDifferError, match="all runs must say the same; got run 1: abc, run 2: xyz"):
        one_answer({"run 1": "abc", "run 2": "xyz"})


def test_a_rule_says_the_same_alone_among_others_and_as_a_copy() -> None:
    check_rules({"1 rule": {"a.b": "x"}, "3 rules": {"a.b": "x", "a.b-copy-a": "x", "c.d": "y"}})


@pytest.mark.parametrize(
    "said",
    [
        {"1 rule": {"a.b": "x"}, "2 rules": {"a.b": "z", "c.d": "y"}},
        {"2 rules": {"a.b": "x", "a.b-copy-a": "z"}},
    ],
    ids=["among others", "a copy"],
)
def test_a_rule_that_says_something_else_beside_others_is_reported(said: dict[str, dict[str, str]]) -> None:
    with pytest.raises(AnswersDifferError, match=r"a\.b"):
        check_rules(said)
