"""Which regular expressions a rule must not have."""

from __future__ import annotations

import pytest

from alerts.authoring.pattern import trouble_of


@pytest.mark.parametrize(
    "pattern",
    ["街道办$", "a+b+", r"^\d+号楼", "[ab]+", "(ab)+", "(a{2,3})+", "(?:a|b)*c", r"\(x+\)+", "([)+])+", "a.*b"],
)
def test_what_comes_to_an_end_is_left_alone(pattern: str) -> None:
    assert trouble_of(pattern) is None


@pytest.mark.parametrize("pattern", ["(a+)+", "(a*)*b", "(?:x+y?)*", "((ab+)c)+", "(a{2,})+", "(?P<n>a+)+?"])
def test_repeats_of_repeats_are_refused(pattern: str) -> None:
    assert trouble_of(pattern) == "do not repeat what repeats already"


@pytest.mark.parametrize("pattern", ["", ".*", "^$", r"\w+", "(.)*"])
def test_what_fits_anything_is_refused(pattern: str) -> None:
    assert trouble_of(pattern) == "name at least one character"
