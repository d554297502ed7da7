"""The costs that are shipped, and what lies between them."""

from __future__ import annotations

import pytest
from plain_costs import PLAIN, plain_costs

from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.sizing.costs import from_json, load_costs, to_json


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.0, 0.1), (5.0, 0.15), (10.0, 0.2), (55.0, 0.35), (100.0, 0.5), (200.0, 0.9)],
    ids=["nobody calls", "between", "measured", "between the next", "the last", "twice that"],
)
def test_what_a_part_uses_lies_on_the_line_between_two_rates(rate: float, expected: float) -> None:
    assert plain_costs().cores("run", rate) == pytest.approx(expected)


def test_costs_are_read_as_they_were_written() -> None:
    assert from_json(to_json(plain_costs())) == plain_costs()


def test_the_shipped_costs_are_whole_and_of_the_shipped_rules() -> None:
    costs = load_costs()
    rules = {rule.id: rule.max_keys for rule in load_rules([RULES_FOLDER], load_channels())}

    assert costs.costs.keys() == PLAIN.keys()
    assert costs.rules == len(rules)
    assert costs.max_keys.items() <= rules.items()
    assert costs.keys.keys() == costs.max_keys.keys()
    assert costs.shares[0].rate == 0
