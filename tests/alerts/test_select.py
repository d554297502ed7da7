"""Which events a rule looks at: maps, modifiers, conditions, and refusals that say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from small_city import CHANNELS, report

from alerts.model import Link
from alerts.select import compile_map, compile_select

EVENT = report(
    "a", 0, "hotline", category="dispute", subcategory="family", violence=2, cues=("weapon", "alcohol"),
    region="620102001", link=Link("transfer", "b"), attrs={"tags": ["loud", "night"], "floor": 7, "note": "x"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "holds"),
    [
        ({"channel": ["hotline", "grid"]}, True),
        ({"channel": "police"}, False),
        ({"channel": ["hotline"], "category": ["crime"]}, False),
        ({"channel|not": ["hotline"]}, False),
        ({"category|not": ["crime"]}, True),
        ({"unit": [None]}, True),
        ({"cues|any": ["weapon", "strangle"]}, True),
        ({"cues": ["strangle"]}, False),
        ({"violence|gte": 2}, True),
        ({"violence|gte": 3}, False),
        ({"violence|lte": 2}, True),
        ({"unit_level|gte": 0}, False),
        ({"region|prefix": "620102"}, True),
        ({"region|prefix": ["1", "62"]}, True),
        ({"region|not|prefix": "620102"}, False),
        ({"subcategory|re": "^fam"}, True),
        ({"unit|re": "."}, False),
        ({"unit|exists": False}, True),
        ({"cues|exists": True}, True),
        ({"unit|exists": True}, False),
        ({"link.type": ["transfer"]}, True),
        ({"attrs.floor|gte": 7}, True),
        ({"attrs.note|gte": 7}, False),
        ({"attrs.tags": ["loud"]}, True),
        ({"attrs.tags": ["quiet"]}, False),
        ({}, True),
    ],
    ids=str,
)
def test_a_map_holds_when_every_entry_does(spec: dict[str, Any], holds: bool) -> None:
    assert compile_map(spec, CHANNELS)(EVENT) is holds


MAPS = {"yes": {"channel": ["hotline"]}, "no": {"channel": ["police"]}, "also": {"violence|gte": 1}}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("yes", True),
        ("yes and no", False),
        ("no or yes", True),
        ("not no", True),
        ("not not yes", True),
        ("no and no or yes", True),
        ("no and (no or yes)", False),
        ("yes and not (no or not also)", True),
        ("  yes   and(also)", True),
    ],
)
def test_a_condition_binds_not_before_and_before_or(condition: str, holds: bool) -> None:
    assert compile_select({**MAPS, "condition": condition}, CHANNELS)(EVENT) is holds


def test_without_a_condition_every_map_must_hold() -> None:
    assert not compile_select(MAPS, CHANNELS)(EVENT)
    assert compile_select({"yes": MAPS["yes"], "also": MAPS["also"]}, CHANNELS)(EVENT)


def test_without_a_map_every_event_is_selected() -> None:
    assert compile_select({}, CHANNELS)(EVENT)


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        ({**MAPS, "condition": "yes and"}, "condition must go on after `and`; got `yes and`"),
        ({**MAPS, "condition": "yes no"}, "condition must end after `yes`; got `yes no`"),
        ({**MAPS, "condition": "(yes"}, "condition must go on after `yes`; got `(yes`"),
        ({**MAPS, "condition": "(yes no"}, "condition must close its parenthesis; got `(yes no`"),
        ({**MAPS, "condition": "yess"}, "condition must name maps of `select`; got `yess`; did you mean `yes`"),
        (
            {**MAPS, "condition": "yes & no"},
            "condition must be names with and, or, not and parentheses; got `yes & no`",
        ),
        ({**MAPS, "condition": ["yes"]}, "condition must be names with and, or, not and parentheses"),
        ({"condition": "yes"}, "condition must name maps of `select`; got `yes`"),
        ({"yes": ["hotline"]}, "`select.yes` must be a map of fields; got `['hotline']`"),
        ({"a": {"chanel": "x"}}, "field must be one of Event v1; got `chanel`; did you mean `channel`"),
        (
            {"a": {"channel|near": "x"}},
            "modifier must be one of not, any, gte, lte, prefix, re, exists; got `channel|near`",
        ),
        ({"a": {"violence|gte|lte": 1}}, "a field takes one of gte, lte, prefix, re, exists; got `violence|gte|lte`"),
        ({"a": {"violence|gte": "high"}}, "`violence|gte` must be a number; got `high`"),
        ({"a": {"region|prefix": [62]}}, "`region|prefix` must be text; got `[62]`"),
        ({"a": {"unit|re": "("}}, "`unit|re` must be a regular expression; got `(`"),
        ({"a": {"channel": [["x"]]}}, "`channel` must be a value or a list of values; got `[['x']]`"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_a_sentence(select: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        compile_select(select, CHANNELS)

    assert str(refused.value).startswith(sentence)
