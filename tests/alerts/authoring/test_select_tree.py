"""The evaluated tree of a select: the same answer as the rule, and words for why an event is not selected."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_city import CHANNELS, report

from alerts.authoring.select_tree import Selection
from alerts.model import Link
from alerts.select import compile_select

NOISE = {
    "contact": {"action": ["received"]},
    "noise": {"subcategory": ["noise"], "violence|lte": 1},
    "moved": {"link.type": ["transfer", "referral"]},
    "condition": "contact and noise and not moved",
}


def why(select: dict[str, Any], **fields: Any) -> tuple[str, ...]:
    return Selection(select, CHANNELS).evaluate(report("a", 0, **fields)).why_not


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"subcategory": "noise", "violence": 0}, ()),
        (
            {"subcategory": "noise", "violence": 0, "link": Link("transfer", "b")},
            ("moved: `link.type` is `transfer`",),
        ),
        (
            {"subcategory": "noise", "violence": 3},
            ("noise: `violence` is `3`; must be at most 1",),
        ),
        (
            {"action": "replied", "subcategory": "traffic"},
            (
                "contact: `action` is `replied`; must be `received`",
                "noise: `subcategory` is `traffic`; must be `noise`",
                "noise: `violence` is unknown; must be at most 1",
            ),
        ),
    ],
    ids=["selected", "a map that must not hold", "one entry of a map", "two maps"],
)
def test_what_failed_is_said_by_map_and_entry(fields: dict[str, Any], words: tuple[str, ...]) -> None:
    assert why(NOISE, **fields) == words


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"channel|not": ["hotline"]}, "m: `channel` is `hotline`; must not be `hotline`"),
        ({"cues|any": ["weapon", "strangle"]}, "m: `cues` is unknown; must be one of `weapon`, `strangle`"),
        ({"violence|gte": 2}, "m: `violence` is unknown; must be at least 2"),
        ({"region|prefix": "62"}, "m: `region` is unknown; must begin with `62`"),
        ({"unit|re": "office$"}, "m: `unit` is unknown; must match `office$`"),
        ({"pair|exists": False}, "m: `pair` is `x`; must be unknown"),
        ({"satisfied": True}, "m: `satisfied` is unknown; must be `true`"),
    ],
    ids=["not", "any", "gte", "prefix", "re", "exists", "a truth value"],
)
def test_every_modifier_has_its_words(entry: dict[str, Any], words: str) -> None:
    assert why({"m": entry}) == (words,)


def test_of_two_ways_to_be_selected_both_are_named() -> None:
    either = {"loud": {"violence|gte": 2}, "armed": {"cues": ["weapon"]}, "condition": "loud or armed"}

    assert why(either, violence=1) == (
        "loud: `violence` is `1`; must be at least 2",
        "armed: `cues` is unknown; must be `weapon`",
    )


def test_the_condition_is_shown_with_what_its_maps_say() -> None:
    tree = Selection(NOISE, CHANNELS).evaluate(report("a", 0, subcategory="noise", violence=0))

    assert tree.condition_with_values() == "contact=yes and noise=yes and not moved=no"
    assert [entry.passed for entry in tree.maps[1].entries] == [True, True]


@given(
    condition=st.sampled_from(["a", "a and b", "a or not b", "not (a or b) and c", "a and (b or c)", "not a or c"]),
    violence=st.sampled_from([None, 0, 1, 2, 3]),
    action=st.sampled_from(["received", "visited"]),
    cues=st.sampled_from([(), ("weapon",), ("alcohol", "weapon")]),
)
def test_the_tree_never_disagrees_with_the_rule(condition: str, violence: Any, action: str, cues: Any) -> None:
    select = {
        "a": {"violence|gte": 1, "action": ["received"]}, "b": {"cues|any": ["weapon"]}, "c": {"action": ["visited"]},
        "condition": condition,
    }  # fmt: skip
    event = report("a", 0, violence=violence, action=action, cues=cues)

    tree = Selection(select, CHANNELS).evaluate(event)

    assert tree.passed == compile_select(select, CHANNELS)(event)
    assert bool(tree.why_not) != tree.passed
