"""The page of a backtest: complete in itself, with nothing in it that somebody else could have put there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from small_city import make_rule

from alerts.model import from_us
from dataflows.backtest import History
from dataflows.backtest_charts import charts, smooth
from dataflows.backtest_page import case_rows, page, spark
from dataflows.backtest_report import Report, report
from dataflows.backtest_tally import AlertLine
from dataflows.city.planted import Case
from dataflows.city.when import DAY

START = 1_767_196_800_000_000
EVIL = "</script><script>alert(1)</script>"


def line(day: int, level: int, rule: str = "test.threshold", **parts: Any) -> AlertLine:
    at = START + day * DAY
    reached = [at if number <= level else 0 for number in range(3)]
    return AlertLine(f"{rule}/{day}", rule, {"pair": "x"}, at, reached, county="620102", revisions=1, **parts)


def case(name: str, rule: str = "test.threshold") -> Case:
    return Case(name, f"案{EVIL}", rule, "blue", from_us(START), from_us(START + 9 * DAY), (f"{name}-event",))


@pytest.fixture(scope="module")
def figures() -> Report:
    rule = make_rule(title={"zh": f"测试{EVIL}", "en": "t"})
    lines = [line(number, number % 3, known=("one/0-event",), evidence=1) for number in range(6)]
    cases = [case("one/0"), case("one/1"), case("two/0", "sla.hotline-close")]
    history = History([rule], START, START + 40 * DAY, alerts=lines)
    return report(history, cases, History([rule], START, START + 40 * DAY, alerts=lines[:3]))


@pytest.fixture(scope="module")
def html(figures: Report) -> str:
    return page(figures, "<b>book</b>")


def test_it_needs_no_network(html: str) -> None:
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)

    assert not re.search(r"(?:src|href)\s*=|@import|url\(", own)
    assert html.count("plotly.js v") == 1


def test_every_chart_has_its_place_and_every_place_its_chart(html: str, figures: Report) -> None:
    places = set(re.findall(r'<div class="chart" id="(\w+)">', html))

    assert places == set(charts(figures, {})) == {"daily", "calendar", "counties", "leads", "overlap"}


def test_words_of_rules_and_cases_cannot_leave_their_place(html: str) -> None:
    assert EVIL not in html
    assert "<b>book</b>" not in html
    data = re.search(r'<script type="application/json" id="charts">(.*?)</script>', html, re.DOTALL)
    assert data
    assert EVIL in json.loads(data[1])["counties"]["data"][0]["y"][0]


def test_it_speaks_two_languages_and_knows_the_dark(html: str) -> None:
    assert "规则回测 · Backtest" in html
    assert "prefers-color-scheme: dark" in html


def test_a_history_without_cases_and_without_alerts_has_a_page() -> None:
    html = page(report(History([make_rule()], START, START + DAY)))

    assert "Cases found" not in html
    assert 'id="leads"' not in html
    assert 'id="calendar"' not in html


def test_cases_of_rules_that_are_not_loaded_stand_at_the_end(figures: Report) -> None:
    rows = case_rows(figures)

    assert [(row.name, [outcome for outcome, _ in row.outcomes]) for row in rows] == [
        ("one", ["found", "missed"]),
        ("two", ["not_judged"]),
    ]


def test_a_quiet_rule_has_no_bars(figures: Report) -> None:
    assert spark(figures.rules[0]).count("<rect") == 3
    assert not spark(report(History([make_rule()], START, START + DAY)).rules[0])


def test_the_mean_is_of_the_last_seven_days() -> None:
    assert smooth([7, 0, 0, 0, 0, 0, 0, 0]) == [7, 3.5, 7 / 3, 7 / 4, 7 / 5, 7 / 6, 1, 0]
