"""The columnar operators against the plainest program for the same question, however the history is cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.columns.arrays import Column, TooWideError, packed
from alerts.columns.ascent import Ascent
from alerts.columns.cells import Cells
from alerts.columns.in_order import Batch, InOrder
from alerts.columns.quiet import Quiet
from alerts.columns.trailing import Trailing
from alerts.model import ALWAYS

SIZE = 6
KINDS = 5


class Told(NamedTuple):
    """One event: when, of which key, of which kind or step, at which level."""

    time: int
    key: int
    kind: int
    level: int


events = st.builds(Told, st.integers(0, 30), st.integers(0, 2), st.integers(0, KINDS - 1), st.integers(0, 2))
histories = st.lists(events, max_size=60).map(lambda told: sorted(told, key=lambda each: each.time))
cuts = st.lists(st.integers(0, 60), max_size=6)


def parts(history: list[Any], cut: list[int]) -> Iterator[list[Any]]:
    """A history in pieces, empty ones among them."""
    for begin, end in pairwise([0, *sorted(cut), max([60, *cut])]):
        yield history[begin:end]


def columns(told: list[Told]) -> list[Column]:
    return [np.array([each[place] for each in told], np.int64) for place in range(4)]


@settings(max_examples=400)
@given(histories, cuts, st.integers(1, 5))
def test_a_window_holds_what_happened_within_its_size_and_not_after_its_event(
    history: list[Told], cut: list[int], least: int
) -> None:
    trailing = Trailing(SIZE, KINDS)
    found = []
    for part in parts(history, cut):
        time, key, kind, _ = columns(part)
        windows = trailing.take(time, key, kind)
        rows = np.arange(len(part))
        reach, count, kinds = windows.reach(least), windows.count(rows), windows.kinds_of(rows)
        found += list(zip(reach.tolist(), count.tolist(), kinds.tolist(), strict=True))
    wanted = []
    for place, told in enumerate(history):
        window = [e for e in history[: place + 1] if e.key == told.key and told.time - SIZE < e.time]
        wanted.append((len(window) >= least, len(window), sum({1 << e.kind for e in window})))
    assert found == wanted


@settings(max_examples=400)
@given(histories, cuts)
def test_a_key_that_has_spoken_is_quiet_for_the_size(history: list[Told], cut: list[int]) -> None:
    quiet = Quiet(SIZE)
    found = []
    begin = 0
    for part in parts(history, cut):
        time, key, *_ = columns(part)
        awake = quiet.awake(time, key)
        said = quiet.take(time, key)
        assert awake[said].all()
        found += (begin + said).tolist()
        begin += len(part)
    wanted, last = [], {}
    for place, told in enumerate(history):
        if told.time - last.get(told.key, -SIZE) >= SIZE:
            last[told.key] = told.time
            wanted.append(place)
    assert found == wanted


@settings(max_examples=400)
@given(histories, cuts, st.integers(2, 4))
@example([Told(0, 0, 0, 0), Told(0, 1, 0, 0), Told(0, 1, 1, 0), Told(0, 0, 1, 0)], [], 2)
def test_an_ascent_is_the_latest_beginning_of_steps_that_do_not_fall_and_are_not_used_up(
    history: list[Told], cut: list[int], steps: int
) -> None:
    ascent = Ascent(steps, 3, SIZE)
    found = []
    begin = 0
    for part in parts(history, cut):
        time, key, step, level = columns(part)
        rows, began = ascent.take(time, key, step, level)
        found += list(zip((begin + rows).tolist(), began.tolist(), strict=True))
        begin += len(part)
    assert found == list(ascents(history, steps))


def ascents(history: list[Told], steps: int) -> Iterator[tuple[int, int]]:
    """By definition: every chain that ends with an event, of those not used up."""
    used: dict[int, int] = {}
    for place, last in enumerate(history):
        if last.kind != steps - 1:
            continue
        before = [e for e in history[:place] if e.key == last.key and e.time > used.get(last.key, -1)]
        chains = [[last]]
        for step in range(steps - 2, -1, -1):
            chains = [
                [each, *chain]
                for chain in chains
                for number, each in enumerate(before)
                if each.kind == step and each.level <= chain[0].level and is_before(history, before, number, chain[0])
            ]
        began = [chain[0].time for chain in chains if chain[0].time >= last.time - SIZE]
        if began:
            used[last.key] = last.time
            yield place, max(began)


def is_before(history: list[Told], before: list[Told], number: int, other: Told) -> bool:
    """Whether an event stands before another in the history: by identity, as two may be equal."""
    return place_of(history, before[number]) < place_of(history, other)


def place_of(history: list[Told], told: Told) -> int:
    return next(place for place, each in enumerate(history) if each is told)


@settings(max_examples=400)
@given(histories, cuts)
def test_cells_count_events_keys_and_the_greatest_level_once_a_window_is_over(
    history: list[Told], cut: list[int]
) -> None:
    cells = Cells(SIZE)
    found: list[tuple[int, ...]] = []
    shown = 0
    for part in parts(history, cut):
        time, key, kind, level = columns(part)
        shown = max([shown, *time.tolist()])
        cells.take(time, kind, key, level)
        closed = cells.close(shown)
        assert (closed.window < shown // SIZE).all()
        found += list(zip(*(column.tolist() for column in closed), strict=True))
    found += list(zip(*(column.tolist() for column in cells.close(ALWAYS)), strict=True))
    wanted: dict[tuple[int, int], list[Told]] = {}
    for told in history:
        wanted.setdefault((told.time // SIZE, told.kind), []).append(told)
    assert found == [
        (*place, len(told), len({each.key for each in told}), max(each.level for each in told))
        for place, told in sorted(wanted.items())
    ]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 100), max_size=8)), max_size=20),
    st.booleans(),
    st.integers(1, 9),
)
def test_sources_come_out_in_one_order_once_and_what_is_late_comes_out_apart(
    told: list[tuple[int, list[int]]], is_asked_often: bool, most: int
) -> None:
    order = InOrder(3, lateness=10)
    given_, found, late = 0, [], []
    shown = [-(10**9)] * 3
    for source, times in told:
        numbers = np.arange(given_, given_ + len(times))
        given_ += len(times)
        is_late = [time <= order.watermark for time in times]
        apart = order.take(source, Batch(np.array(times, np.int64), (numbers,)))
        assert (len(apart) if apart else 0) == sum(is_late)
        late += apart.columns[0].tolist() if apart else []
        shown[source] = max([shown[source], *times])
        if is_asked_often and (batch := order.release(most)) is not None:
            assert len(batch) <= most or len(set(batch.time.tolist())) == 1
            assert batch.time.tolist() == sorted(batch.time.tolist())
            assert batch.time.max() <= min(shown) - 10
            found += list(zip(batch.time.tolist(), batch.columns[0].tolist(), strict=True))
    for source in range(3):
        order.end(source)
    while (batch := order.release(most)) is not None:
        found += list(zip(batch.time.tolist(), batch.columns[0].tolist(), strict=True))
    assert [time for time, _ in found] == sorted(time for time, _ in found)
    assert sorted([number for _, number in found] + late) == list(range(given_))


def test_what_does_not_fit_into_one_number_is_refused_with_the_figures() -> None:
    with pytest.raises(TooWideError, match="must fit into 63 bits; got key 1099511627776 over a span of 16777216"):
        packed(np.array([1 << 40]), np.array([0]), 0, 1 << 24)
    cells = Cells(1)
    cells.take(np.array([0, 1 << 40]), np.array([1 << 20] * 2), np.array([1 << 20] * 2), np.array([1, 1]))
    with pytest.raises(TooWideError, match="must fit into 63 bits; got 41, 21, 21 and 1; close windows more often"):
        cells.close(ALWAYS)
