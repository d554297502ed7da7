"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.duration import SECOND_US, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("45s", 45),
        ("90m", 5_400),
        ("6h", 21_600),
        ("1d", 86_400),
        ("1h30m", 5_400),
        ("2d3h4m5s", 183_845),
    ],
)
def test_a_duration_is_read_in_microseconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds * SECOND_US


@pytest.mark.parametrize("text", ["", "5", "h", "5w", "1.5h", "-1h", "30m1h", "1h 30m", "５h", None, 5])
def test_what_is_no_duration_is_refused_with_the_form_it_must_have(text: object) -> None:
    with pytest.raises(ValueError, match="duration must be numbers with the units d, h, m, s") as error:
        parse_duration(text)

    assert str(error.value).endswith(f"got `{text}`")


@given(st.integers(0, 10**9))
def test_a_written_duration_reads_back_as_itself(seconds: int) -> None:
    assert parse_duration(format_duration(seconds * SECOND_US)) == seconds * SECOND_US


def test_parts_of_a_second_are_cut_off() -> None:
    assert format_duration(1_999_999) == "1s"
