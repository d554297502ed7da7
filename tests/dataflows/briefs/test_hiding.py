"""Small numbers: none below five is shown, and none can be computed from what is, not even by who knows the method."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations, product
from typing import Any

import pytest
from brief_figures import NAMING, figures, measured
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse_brief import Volumes
from dataflows.briefs.document import Brief, Table
from dataflows.briefs.hiding import LEAST_SHOWN, hidden
from dataflows.briefs.writing import written

TOWNSHIP = "620102001"
VILLAGES = sorted(code for code in NAMING.tables.regions if len(code) == 12 and code.startswith(TOWNSHIP))
View = tuple[int, tuple[int | None, ...]]


def view(numbers: tuple[int, ...]) -> View:
    """What a reader sees: the sum, and the numbers that are not hidden."""
    away = hidden({str(place): number for place, number in enumerate(numbers)})
    return sum(numbers), tuple(None if str(place) in away else number for place, number in enumerate(numbers))


@pytest.mark.parametrize(("villages", "most"), [(2, 14), (3, 14), (4, 10), (5, 7)])
def test_whatever_the_numbers_are_others_look_the_same(villages: int, most: int) -> None:
    """All numbers that there could be, sorted by what is seen of them: a hidden small number is never the only one."""
    alike: dict[View, list[tuple[int, ...]]] = defaultdict(list)
    for numbers in product(range(most + 1), repeat=villages):
        alike[view(numbers)].append(numbers)

    for (_, seen), candidates in alike.items():
        for place, number in enumerate(seen):
            could_be = {numbers[place] for numbers in candidates}
            is_small = any(0 < each < LEAST_SHOWN for each in could_be)
            assert number is not None or not is_small or len(could_be) > 1


@given(st.lists(st.one_of(st.integers(0, 6), st.integers(0, 60)), min_size=2, max_size=9))
def test_a_reader_who_knows_the_method_cannot_compute_a_small_number(numbers: list[int]) -> None:
    told = tuple(numbers)
    _, seen = view(told)
    small = [place for place, number in enumerate(told) if 0 < number < LEAST_SHOWN]

    assert all(number is None or number >= LEAST_SHOWN for number in seen)
    for place in small:
        assert any(other[place] != told[place] and view(other) == view(told) for other in _others(told, seen))


def _others(told: tuple[int, ...], seen: tuple[int | None, ...]) -> list[tuple[int, ...]]:
    """Some of the numbers with the same sum: what is hidden changes places, or a little goes from one to another."""
    away = [place for place, number in enumerate(seen) if number is None]
    found = []
    for one, other in permutations(away, 2):
        for moved in (1, 2, 3, 4, told[one] - told[other]):
            if 0 < moved <= told[one]:
                changed = list(told)
                changed[one] -= moved
                changed[other] += moved
                found.append(tuple(changed))
    return found


def test_one_small_number_takes_the_least_of_the_others_with_it() -> None:
    assert hidden({"a": 3, "b": 9, "c": 7}) == {"a", "c"}


def test_others_that_are_equally_small_go_together() -> None:
    assert hidden({"a": 3, "b": 7, "c": 7}) == {"a", "b", "c"}


def test_small_numbers_that_hide_each_other_take_nothing_with_them() -> None:
    assert hidden({"a": 3, "b": 1, "c": 7}) == {"a", "b"}


def test_nothing_is_hidden_where_nothing_is_small_but_where_nothing_came() -> None:
    assert hidden({"a": 5, "b": 9}) == frozenset()
    assert hidden({"a": 0, "b": 9}) == {"a"}


VILLAGE_NUMBERS = st.dictionaries(st.sampled_from([*VILLAGES, ""]), st.integers(0, 12), min_size=1).filter(
    lambda numbers: any(numbers.values())
)


@given(VILLAGE_NUMBERS, VILLAGE_NUMBERS)
def test_of_villages_only_what_may_be_shown_is_shown(now: dict[str, int], before: dict[str, int]) -> None:
    made = _township(now, before)
    tables = [block for section in made.sections for block in section.blocks if isinstance(block, Table)]
    rows = [row for each in tables if each.title.endswith("按村（社区）") for row in each.rows[:-1]]
    names = {NAMING.place(code): code for code in VILLAGES} | {"未注明": ""}

    for column, numbers in ((1, now), (2, before)):
        shown = {names[row[0]]: int(row[column]) for row in rows if row[column] != "＊"}
        known = dict.fromkeys((*VILLAGES, ""), 0) | numbers
        assert shown == {code: number for code, number in known.items() if code not in hidden(known)}
        assert all(number >= LEAST_SHOWN for number in shown.values())
    elsewhere = [section for section in made.sections if section.title != "区域分布"]
    assert not any(NAMING.place(code) in str(elsewhere) + str(made.summary) for code in VILLAGES)


def _township(now: dict[str, int], before: dict[str, int]) -> Brief:
    def of(numbers: dict[str, int]) -> Any:
        total = sum(numbers.values())
        return measured(1)._replace(volumes=Volumes(total, {"hotline": total}, {"service": total}, numbers))

    return written(figures(region=TOWNSHIP, now=of(now), before=of(before), parts={}), NAMING)
