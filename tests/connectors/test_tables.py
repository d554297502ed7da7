"""The code tables, and what is read off a code."""

from __future__ import annotations

from typing import get_args

import pytest

from alerts.model import DISPUTE_CLASSES, Category
from connectors.tables import county_of, load_tables, parents, township_of, village_of

TABLES = load_tables()


def test_every_region_has_its_parents_in_the_table() -> None:
    lost = [code for code in TABLES.regions for parent in parents(code) if parent not in TABLES.regions]

    assert lost == []


def test_a_code_has_the_length_of_its_level() -> None:
    lengths = {(entry.level, len(code)) for code, entry in TABLES.regions.items()}

    assert lengths == {("city", 6), ("county", 6), ("township", 9), ("village", 12)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("620102001001", ("620102001", "620102", "620100")),
        ("620102001", ("620102", "620100")),
        ("620102", ("620100",)),
        ("620100", ()),
        ("62010200100100001", ("620102001001", "620102001", "620102", "620100")),
    ],
)
def test_parents_go_from_near_to_far(code: str, expected: tuple[str, ...]) -> None:
    assert parents(code) == expected


def test_the_parts_of_a_code() -> None:
    grid = "62010200100100001"

    assert (county_of(grid), township_of(grid), village_of(grid)) == ("620102", "620102001", "620102001001")
    assert (county_of("620100"), township_of("620102"), village_of("620102001")) == (None, None, None)


def test_names_and_codes_lead_to_each_other() -> None:
    assert TABLES.region_name("620102001") == "酒泉路街道"
    assert TABLES.region_path("620102001001") == "城关区/酒泉路街道/畅家巷社区居委会"
    assert TABLES.region_code("城关区/酒泉路街道") == "620102001"
    assert TABLES.region_code("酒泉路街道") == "620102001"
    assert TABLES.region_name("110101") is None


def test_a_name_that_several_regions_have_is_no_code() -> None:
    names = [entry.name for entry in TABLES.regions.values()]
    double = next(name for name in names if names.count(name) > 1)

    assert TABLES.region_code(double) is None


def test_every_dispute_class_is_in_the_table_and_no_other() -> None:
    assert {one.dispute_class for one in TABLES.disputes.values()} == set(DISPUTE_CLASSES)
    assert len([code for code in TABLES.disputes if len(code) == 2]) == 17
    assert len([code for code in TABLES.disputes if len(code) == 4]) == 78


def test_a_dispute_is_found_by_code_and_by_name() -> None:
    disputes = TABLES.by_name["disputes"]

    assert (disputes["02"], disputes["邻里纠纷"], disputes["0801"]) == ("neighbour", "neighbour", "lending")
    assert "其他" not in disputes  # every class has one


def test_every_alarm_type_has_a_category_of_ours() -> None:
    assert {one.category for one in TABLES.alarms.values()} <= set(get_args(Category))
    assert TABLES.by_name["alarm_categories"]["200600"] == "dispute"
    assert TABLES.by_name["alarm_subcategories"]["家庭暴力"] == "family"


def test_an_alarm_that_is_a_dispute_has_a_class() -> None:
    classes = {one.subcategory for one in TABLES.alarms.values() if one.category == "dispute"}

    assert classes <= set(DISPUTE_CLASSES)
