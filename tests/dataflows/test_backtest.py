"""A backtest says what the flow would have said, and keeps little of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from alerts.model import LEVELS, Arrival, to_us
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.backtest import History, backtest
from dataflows.backtest_cases import watched_by
from dataflows.backtest_report import report
from dataflows.city import City
from dataflows.city.direct import events
from dataflows.city.planted import planted
from dataflows.city.stories import YEAR_CATALOGUE
from dataflows.replay import replay

CITY = City(days=30, reports_per_day=120, with_broken=False, catalogue=YEAR_CATALOGUE)
CHANNELS = load_channels()
CASES = planted(CITY.stories)
WITH_A_BASELINE = ("sg.area-surge", "st.sudden-topic")  # a month of a small city is too little to know the usual


def arrivals() -> Iterator[Arrival]:
    for number, event in enumerate(events(CITY)):
        assert event.arrived_at
        yield Arrival(event, to_us(event.arrived_at), f"city:{number}")


@pytest.fixture(scope="module")
def ticks() -> list[tuple[datetime, int]]:
    return []


@pytest.fixture(scope="module")
def history(ticks: list[tuple[datetime, int]]) -> History:
    rules = load_rules([RULES_FOLDER], CHANNELS)
    (run,) = backtest(arrivals(), [rules], CHANNELS, watched_by(CASES), lambda at, count: ticks.append((at, count)))
    return run


def test_the_alerts_are_those_of_the_flow(history: History) -> None:
    def line(rule: str, key: Any, level: str, state: str, reason: str, evidence: int) -> tuple[Any, ...]:
        return rule, sorted(key.items()), level, state, reason, evidence

    replayed = replay(arrivals(), load_rules([RULES_FOLDER], CHANNELS), CHANNELS).alerts()

    assert sorted(
        line(one.rule, one.key, one.level_name, one.state, one.reason, one.evidence) for one in history.alerts
    ) == sorted(
        line(one["rule"], one["key"], one["level_max"], one["state"], one["reason"], len(one["evidence_ids"]))
        for one in replayed
    )


def test_every_planted_case_of_a_loaded_rule_is_found(history: History) -> None:
    figures = report(history, [case for case in CASES if case.rule not in WITH_A_BASELINE])

    assert [(one.case.id, one.case.rule, one.outcome) for one in figures.judged if one.outcome == "missed"] == []
    assert [(one.case.id, one.case.rule, one.level) for one in figures.judged if one.outcome == "too_low"] == []
    assert figures.counted("found") >= 15
    assert figures.is_carried


def test_it_tells_how_far_it_is(history: History, ticks: list[tuple[datetime, int]]) -> None:
    assert sum(count for _, count in ticks) == sum(history.events.values())
    assert [at for at, _ in ticks] == sorted(at for at, _ in ticks)
    assert to_us(ticks[-1][0]) == history.end_us


def test_levels_are_reached_after_the_opening_and_before_the_end(history: History) -> None:
    for one in history.alerts:
        times = [at for at in one.reached_us if at]
        assert len(one.reached_us) == len(LEVELS)
        assert min(times) >= one.opened_us
        assert not one.ended_us or max(times) <= one.ended_us


def test_two_books_run_side_by_side_as_if_each_ran_alone(history: History) -> None:
    def rules(part: str) -> Any:
        return load_rules([RULES_FOLDER / part], CHANNELS)

    both = backtest(
        arrivals(), [rules("life-safety"), rules("service-quality")], CHANNELS, frozenset(), lambda *_: None
    )

    for run in both:
        ids = {rule.id for rule in run.rules}
        assert [one.id for one in run.alerts] == [one.id for one in history.alerts if one.rule in ids]
