"""Texts as columns: numbers for names, instants, wide texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.columns.arrays import Column, fixed
from alerts.columns.codes import Codes, PairCodes
from alerts.columns.instants import seconds_of
from alerts.columns.many_codes import _ODD, ManyCodes, _as_words, _mixed, shares_of
from alerts.columns.translated import Owners, Translated

names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
some_names = st.lists(st.one_of(st.sampled_from(["", "a", "甲", "a" * 8, "a" * 9, "b" * 8]), names), max_size=40)


@given(st.lists(some_names, max_size=6))
def test_many_names_get_the_numbers_that_a_dictionary_would_give(batches: list[list[str]]) -> None:
    many, plain = ManyCodes(), Codes()
    for batch in batches:
        assert many.of(batch).tolist() == plain.of(batch).tolist()
        assert many.names(np.arange(len(many))) == plain.names


def test_names_beyond_the_first_table_are_found_again() -> None:
    many = ManyCodes()
    everything = [f"{number:x}" for number in range(30_000)]
    assert many.of(everything).tolist() == list(range(30_000))
    assert many.of(everything[::-7]).tolist() == list(range(30_000))[::-7]


@given(st.lists(some_names, max_size=6))
def test_two_names_that_are_mixed_to_one_number_are_told_apart(batches: list[list[str]]) -> None:
    twins = twin_names()
    assert len(set(_mixed(_as_words(twins, 2)).tolist())) == 1
    many = ManyCodes()
    for batch in batches:
        many.of(batch)
    known = len(many)

    found = many.of_written(twins[[1, 0, 1]]).tolist()

    assert found == [known, known + 1, known]
    assert many.of_written(twins).tolist() == [known + 1, known]
    assert many.written(np.array([known, known + 1])).tolist() == twins[::-1].tolist()


def twin_names() -> Column:
    """Two texts of two words; the factor of the second word is `_ODD` times that of the first."""
    first, second = 0xF0E1D2C3B4A59687, 0x1234567812345678
    folded = np.array([[first, second], [first - int(_ODD), second + 1]], np.uint64)
    words = folded ^ (folded >> np.uint64(32))  # folded once more is what it was
    return words.view("S16").ravel()


@given(st.lists(some_names, min_size=1, max_size=4), st.integers(1, 3))
def test_a_text_falls_to_the_same_share_whoever_asks(batches: list[list[str]], shares: int) -> None:
    names = sorted({name for batch in batches for name in batch})
    found = dict(zip(names, shares_of(fixed(names), shares).tolist(), strict=True))
    assert set(found.values()) <= set(range(shares))
    for batch in batches:  # however wide the texts beside it
        assert shares_of(fixed(batch), shares).tolist() == [found[name] for name in batch]


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=9), max_size=5))
def test_pairs_have_a_number_each_and_are_told_when_they_are_new(batches: list[list[tuple[int, int]]]) -> None:
    codes = PairCodes(5)
    told: list[tuple[int, int]] = []
    for batch in batches:
        first, second = (np.array([pair[place] for pair in batch], np.int64) for place in (0, 1))
        found, fresh = codes.of(first, second)
        told += fresh
        assert [told[number] for number in found.tolist()] == batch
    assert len(set(told)) == len(told)


@given(st.lists(st.lists(some_names, max_size=4), min_size=1, max_size=3), st.integers(1, 3))
def test_what_senders_number_receivers_understand(sent: list[list[list[str]]], processes: int) -> None:
    """Each text by the one process that looks after it, whoever sends it."""
    receivers = [ManyCodes() for _ in range(processes)]
    at: dict[str, set[tuple[int, int]]] = {}
    for batches in sent:
        codes = ManyCodes()
        owners, translated = Owners(codes, processes), [Translated(receiver) for receiver in receivers]
        for batch in batches:
            numbers = codes.of(batch)
            for receiver, written in zip(translated, owners.learn(), strict=True):
                receiver.learn(written)
            owner, place = owners.of(numbers)
            for process in range(processes):
                own = np.flatnonzero(owner == process)
                ours = translated[process].of(place[own])
                assert receivers[process].names(ours) == [batch[row] for row in own]
                for row, number in zip(own.tolist(), ours.tolist(), strict=True):
                    at.setdefault(batch[row], set()).add((process, number))
    assert all(len(places) == 1 for places in at.values())


@given(some_names)
def test_wide_texts_keep_what_they_say(texts: list[str]) -> None:
    assert [text.decode() for text in fixed(texts).tolist()] == texts


offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.builds(
    lambda seconds, zone: datetime.fromtimestamp(seconds, zone), st.floats(100_000, 7_000_000_000), offsets
)


@given(st.lists(instants, max_size=12), st.booleans())
def test_a_column_of_times_is_read_as_the_library_reads_each(times: list[datetime], is_usual: bool) -> None:
    texts = [(time.replace(microsecond=0) if is_usual else time).isoformat() for time in times]
    assert seconds_of(texts).tolist() == [int(datetime.fromisoformat(text).timestamp() // 1) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T24:00:00+08:00",
        "2026-03-01T09:60:00+08:00",
        "2026-13-01T09:30:00+08:00",
        "2026-02-30T09:30:00+08:00",
        "2026-03-01T09:30:00+24:00",
        "2026-03-01T09:30:0a+08:00",
        "2026-03-01T09:30:00",
    ],
)
def test_no_time_is_refused_among_good_ones_too(text: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(["2026-03-01T09:30:00+08:00", text])


def test_a_day_after_another_in_one_column() -> None:
    days = [datetime(2026, 2, 27, 23, 59, 59, tzinfo=UTC) + timedelta(days=day) for day in range(4)]
    found = seconds_of([day.isoformat() for day in days]).tolist()
    assert [later - earlier for earlier, later in pairwise(found)] == [86_400] * 3
