"""How alerts are said to people: lengths of time, places and tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import REGION_LEVELS, Disposition, Level, Matchers, Region, State
from dataflows.alert_words import (
    DISPOSITION_WORDS,
    LEVEL_STYLES,
    LEVEL_WORDS,
    RUNG_WORDS,
    STATE_WORDS,
    end_words,
    in_words,
    key_words,
    local,
    place_words,
    until_words,
    what_words,
)
from dataflows.api.answers import SilenceShown

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
TOKEN = "k1:bcdfghjkmnprstvzbcdf"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "不到1分钟"),
        (timedelta(seconds=59), "不到1分钟"),
        (timedelta(minutes=5, seconds=59), "5分钟"),
        (timedelta(hours=3, minutes=12), "3小时12分钟"),
        (timedelta(hours=3), "3小时"),
        (timedelta(days=2, hours=3, minutes=59), "2天3小时"),
        (timedelta(days=2, minutes=59), "2天"),
    ],
)
def test_a_length_is_said_in_its_two_greatest_units(length: timedelta, words: str) -> None:
    assert in_words(length) == words


@given(st.timedeltas(timedelta(0), timedelta(days=4000)), st.timedeltas(timedelta(0), timedelta(minutes=1)))
def test_a_length_is_never_said_longer_than_it_is(length: timedelta, more: timedelta) -> None:
    units = {"天": timedelta(days=1), "小时": timedelta(hours=1), "分钟": timedelta(minutes=1)}
    rest, said = in_words(length).removeprefix("不到1分钟"), timedelta(0)
    for name, unit in units.items():
        count, found, behind = rest.partition(name)
        if found and count.isdigit():
            said, rest = said + int(count) * unit, behind

    assert rest == ""
    assert said <= length
    assert length - said < (timedelta(hours=1) if said >= timedelta(days=1) else timedelta(minutes=1))


def test_an_instant_is_said_as_it_lies_from_now() -> None:
    assert until_words(AT + timedelta(hours=2), AT) == "还有2小时"
    assert until_words(AT - timedelta(minutes=9), AT) == "已过9分钟"
    assert local(AT) == "03-02 09:00"


def test_every_word_of_the_model_has_a_chinese_one() -> None:
    assert set(STATE_WORDS) == set(get_args(State))
    assert set(LEVEL_WORDS) == set(LEVEL_STYLES) == set(get_args(Level))
    assert set(DISPOSITION_WORDS) == set(get_args(Disposition))
    assert set(RUNG_WORDS) == set(REGION_LEVELS)


def test_a_region_is_said_by_its_names_or_else_its_code() -> None:
    assert place_words(Region("620102")) == "城关区"
    assert place_words(Region("999999")) == "999999"
    assert place_words(Region()) == "全市"


def test_a_silence_says_what_it_mutes_and_what_ends_it() -> None:
    matchers = Matchers("1f3a9c2e-0000", "gi.*", ("red", "blue"), "620102", {"pair": TOKEN})
    shown = SilenceShown(
        "s1", "active", "li", "duty", "w", matchers, AT, AT + timedelta(hours=1), True, True, mute_level_rise=True
    )

    assert what_words(shown) == "alert=1f3a9c2e rule=gi.* region=620102 level=紧急、关注 pair=k1:bcdfg…，含升级"
    assert end_words(shown, AT) == "03-02 10:00（还有1小时），关闭即止，升级即止"


def test_a_key_holds_no_whole_token() -> None:
    assert key_words({"pair": TOKEN, "subject": "供水"}) == "pair=k1:bcdfg… subject=供水"
