"""The longest strictly increasing chain, against all subsequences."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_city import report

from alerts.entry import RESETS, SELECTED, Entry
from alerts.kinds.chain import LongestChain

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
SIZE = 6


def entries(*measures: object, resets: tuple[int, ...] = (), step: int = 1) -> list[Entry]:
    return [
        (n * step, 1, f"e{n}", f"e{n}", SELECTED | (RESETS if n in resets else 0), (measure,), report(f"e{n}", n))
        for n, measure in enumerate(measures)
    ]


def longest(found: list[Entry], size: int = 1_000) -> tuple[int, ...]:
    chain = LongestChain(0, size)
    for entry in found:
        chain.take(entry)
    return chain.path


@pytest.mark.parametrize(
    ("measures", "wanted"),
    [
        ((3, 2, 3), (2, 3)),
        ((1, 2, 3), (1, 2, 3)),
        ((1, 3, 2), (1, 2)),
        ((2, 2, 2), (2,)),
        ((1, None, 2), (1, 2)),
        ((1, 2, None), ()),
        ((1, 2, "high"), ()),
        ((1, 1, 5, 2, 4), (1, 2, 4)),
        ((), ()),
    ],
    ids=str,
)
def test_the_chain_is_the_longest_not_the_greedy_one(measures: tuple[object, ...], wanted: tuple[int, ...]) -> None:
    assert longest(entries(*measures)) == wanted


def test_a_chain_does_not_cross_a_reset() -> None:
    assert longest(entries(1, 2, 3, resets=(1,))) == (2, 3)
    assert longest(entries(1, 2, 3, resets=(2,))) == (3,)


def test_a_step_exactly_one_window_old_is_out() -> None:
    assert longest(entries(1, 2, 3), size=2) == (2, 3)
    assert longest(entries(1, 2, 3), size=3) == (1, 2, 3)


def test_of_equally_long_chains_the_latest_starting_one_is_taken() -> None:
    assert longest(entries(1, 2, 1, 3)) == (1, 2, 3)
    assert longest(entries(1, 0, 3)) == (0, 3)
    assert longest(entries(1, 2, 3, 1, 2, 9), size=4) == (1, 2, 9)


def by_definition(found: list[Entry]) -> tuple[int, ...]:
    """Every subsequence of the window that ends with the newest entry."""
    *_, newest = found
    window = [e for e in found if e[0] > newest[0] - SIZE]
    resets = [n for n, e in enumerate(window) if e[4] & RESETS]
    *before, last = window[resets[-1] if resets else 0 :]
    if not isinstance(last[5][0], int):
        return ()
    before = [e for e in before if isinstance(e[5][0], int)]
    best: tuple[tuple[int, tuple[int, int, str]], list[int]] = ((0, (-1, 0, "")), [])
    for length in range(len(before) + 1):
        for chosen in combinations(before, length):
            walk = [*chosen, last]
            path = [e[5][0] for e in walk]
            if all(a < b for a, b in pairwise(path)):
                rank = (len(walk), walk[0][:3])
                if rank > best[0] or (rank == best[0] and path < best[1]):
                    best = (rank, path)
    return tuple(best[1])


@given(
    measures=st.lists(st.sampled_from([0, 1, 2, 3, 4, None]), min_size=1, max_size=9),
    resets=st.sets(st.integers(0, 8), max_size=2),
    times=st.lists(st.integers(0, 2), min_size=9, max_size=9),
)
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_a_window_that_runs_on_agrees_with_every_window_looked_at_by_itself(
    measures: list[int | None], resets: set[int], times: list[int]
) -> None:
    found = entries(*measures, resets=tuple(resets))
    at = 0
    for number, step in enumerate(times[: len(found)]):
        at += step
        found[number] = (at, *found[number][1:])
    running = LongestChain(0, SIZE)
    for number, entry in enumerate(found):
        running.take(entry)

        assert running.path == by_definition(found[: number + 1])
