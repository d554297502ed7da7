"""The figures of a backtest."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from small_city import make_rule

from alerts.rule import Rule
from dataflows.backtest import History
from dataflows.backtest_report import Report, report, say_span
from dataflows.backtest_tally import AlertLine
from dataflows.city.when import DAY, HOUR, MINUTE

START = 1_767_196_800_000_000  # midnight of the first of January 2026 in the city


def line(day: float, level: int = 0, **parts: Any) -> AlertLine:
    at = START + int(day * DAY)
    reached = [at if number <= level else 0 for number in range(3)]
    rule = parts.pop("rule", "test.threshold")
    return AlertLine(f"{rule}/{day}/{level}", rule, {"pair": "x"}, at, reached, revisions=1, **parts)


def figures(*lines: AlertLine, rules: tuple[Rule, ...] = (), days: int = 10) -> Report:
    rules = rules or (make_rule(),)
    return report(History(list(rules), START, START + days * DAY - 1, alerts=list(lines)))


def test_an_alert_counts_once_with_its_highest_level_on_the_day_it_reached_it() -> None:
    rising = line(1)
    rising.reached_us = [START + DAY, 0, START + 3 * DAY]

    found = figures(rising, line(1))

    assert found.first_day == date(2026, 1, 1)
    assert found.daily[1] == (1, 0, 0)
    assert found.daily[3] == (0, 0, 1)
    assert found.totals == (1, 0, 1)


def test_days_are_those_of_the_city_and_not_of_greenwich() -> None:
    assert figures(line(15.9 / 24), line(23.9 / 24)).daily[0] == (2, 0, 0)


def test_what_is_retracted_counts_as_that_and_shadow_rules_burden_nobody() -> None:
    found = figures(line(1, state="retracted"), line(2, 2, is_shadow=True))

    assert found.rules[0].retracted == 1
    assert found.rules[0].levels == (0, 0, 1)
    assert found.totals == (0, 0, 0)


def test_nine_red_a_day_are_carried_and_ten_are_not() -> None:
    def load(count: int) -> Report:
        return figures(*[line(number / 100, 2) for number in range(count)], days=1)

    assert load(9).is_carried
    assert not load(10).is_carried
    assert load(10).most_red == 10


def test_a_budget_is_broken_only_above_it() -> None:
    rule = make_rule(budget={"blue": 0.2, "red": 0.1})
    kept = figures(line(1), line(2), line(3, 2), rules=(rule,))
    broken = figures(line(1), line(2), line(3), rules=(rule,))

    assert kept.rules[0].broken == {}
    assert list(broken.rules[0].broken) == ["blue"]


def test_a_rule_that_said_nothing_has_a_row_of_its_own() -> None:
    (found,) = figures().rules

    assert (found.alerts, found.per_day, found.highest, found.lead_us) == (0, 0.0, None, None)


def test_weeks_add_up_and_counties_are_counted() -> None:
    (found,) = figures(line(0, county="620102"), line(6, 1, county="620102"), line(7, county="620103")).rules

    assert found.weekly == ((1, 1, 0), (1, 0, 0))
    assert found.counties == {"620102": 2, "620103": 1}
    assert found.highest == "yellow"


@pytest.mark.parametrize(
    ("us", "said"),
    [(None, "–"), (0, "0"), (-4_000_000, "0"), (12 * MINUTE, "12m"), (-90 * MINUTE, "-1.5h"), (7 * HOUR, "7.0h"),
     (84 * HOUR, "3.5d")],
)  # fmt: skip
def test_spans_are_said_in_one_unit(us: int | None, said: str) -> None:
    assert say_span(us) == said
