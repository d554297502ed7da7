"""Durations as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.duration import (
    DAY_US,
    HOUR_US,
    SECOND_US,
    Span,
    format_duration,
    parse_duration,
    parse_share,
    parse_span,
)


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


@pytest.mark.parametrize(
    ("text", "span"),
    [("5wd", Span(5 * DAY_US, working=True)), ("7d", Span(7 * DAY_US)), ("1d12h", Span(36 * HOUR_US))],
)
def test_a_length_is_working_days_or_calendar_time(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["5 wd", "1.5wd", "wd", "5wd12h", "５wd", "soon", ""])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_span(text)

    assert str(error.value) == f"length must be working days such as `5wd` or a duration such as `7d`; got `{text}`"


def test_a_duration_knows_no_working_days() -> None:
    with pytest.raises(ValueError, match="duration must be numbers"):
        parse_duration("5wd")


@pytest.mark.parametrize(
    ("text", "share"), [("80%", Fraction(4, 5)), ("12.5%", Fraction(1, 8)), ("150%", Fraction(3, 2)), ("4d", None)]
)
def test_a_share_is_exact(text: str, share: Fraction | None) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(4 * DAY_US, working=True), ("4个工作日", "4 working days")),
        (Span(DAY_US, working=True), ("1个工作日", "1 working day")),
        (Span(15 * DAY_US // 2, working=True), ("7.5个工作日", "7.5 working days")),
        (Span(7 * DAY_US), ("7天", "7 d")),
        (Span(28 * DAY_US // 5), ("5.6天", "5.6 d")),
        (Span(36 * HOUR_US), ("1.5天", "1.5 d")),
        (Span(90 * SECOND_US), ("1.5分钟", "1.5 min")),
        (Span(1), ("0秒", "0 s")),
    ],
)
def test_a_length_is_said_in_both_languages(span: Span, words: tuple[str, str]) -> None:
    assert span.words() == words
