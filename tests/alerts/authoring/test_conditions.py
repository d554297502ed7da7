"""Names taken out of a condition one by one."""

from __future__ import annotations

import pytest

from alerts.authoring.conditions import without_each


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("a", [("a", "")]),
        ("not a", [("a", "")]),
        ("a and b", [("a", "b"), ("b", "a")]),
        ("a and not b", [("a", "not b"), ("b", "a")]),
        ("a or b and c", [("a", "b and c"), ("b", "a or c"), ("c", "a or b")]),
        ("a and (b or c)", [("a", "b or c"), ("b", "a and c"), ("c", "a and b")]),
        ("a and (b or c) and d", [("a", "(b or c) and d"), ("b", "a and c and d"), ("c", "a and b and d"),
                                  ("d", "a and (b or c)")]),
        ("not (a or b) and c", [("a", "not b and c"), ("b", "not a and c"), ("c", "not (a or b)")]),
        ("a or not not a", [("a", "not not a"), ("a 2", "a")]),
    ],
)  # fmt: skip
def test_each_name_is_left_out_once(condition: str, left: list[tuple[str, str]]) -> None:
    assert list(without_each(condition)) == left
