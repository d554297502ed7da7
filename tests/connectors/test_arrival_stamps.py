"""Arrivals rise whatever the machine's clock does, and the log says when it stands still."""

from __future__ import annotations

import logging

import pytest
from broker_talk import NOON, Clock
from hypothesis import given
from hypothesis import strategies as st
from small_city import HOUR, MINUTE, START, Run, make_rule, report

from connectors.arrival_stamps import Stamps
from connectors.metrics import Metrics


@given(st.lists(st.integers(-2 * HOUR, 2 * HOUR)))
def test_arrivals_rise_and_are_the_clock_where_it_is_ahead(steps: list[int]) -> None:
    clock = Clock()
    stamps = Stamps(clock, NOON)
    got = [NOON]
    for step in steps:
        clock.now_us += step
        got.append(stamps.next())
        assert got[-1] == max(clock.now_us, got[-2] + 1)

    assert got == sorted(set(got))


def test_a_clock_that_goes_back_is_told_once_and_again_when_it_has_caught_up(caplog: pytest.LogCaptureFixture) -> None:
    clock, metrics = Clock(), Metrics()
    stamps = Stamps(clock, NOON - 1, metrics)
    stamps.next()
    clock.now_us -= HOUR
    got, ahead = [], []

    with caplog.at_level(logging.WARNING, logger="anlan.kafka"):
        for _ in range(70):
            got.append(stamps.next())
            ahead.append(metrics.value("anlan_log_clock_led_seconds"))
            clock.now_us += HOUR // 60

    assert got[:60] == [NOON + number for number in range(1, 61)]
    assert got[61] == NOON + HOUR // 60
    assert ahead[0] == 3600
    assert ahead[30] == pytest.approx(1800)
    assert ahead[-1] == 0
    assert [record.getMessage() for record in caplog.records] == [
        "clock_went_back seconds=3600 last=2026-01-01 04:00:00+00:00"
        " arrivals rise by a microsecond each and timers wait until the clock is there",
        "clock_caught_up last=2026-01-01 04:00:00.000061+00:00",
    ]


def test_the_small_steps_of_a_clock_that_is_kept_right_are_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    stamps = Stamps(clock, NOON)
    for step in (1_000_000, -4_000_000, 2_000_000):
        clock.now_us += step
        stamps.next()

    assert not caplog.records


def test_while_the_clock_stands_alerts_on_arrival_go_on_and_timers_wait() -> None:
    """A clock an hour fast is set right: what comes in that hour is judged, what closes by time closes later."""
    rule = make_rule(window={"size": "1h", "lateness": "0s"}, lifecycle={"quiet_close": "1h", "reopen_within": "1d"})
    run = Run(rule)
    clock = Clock(START + HOUR)
    stamps = Stamps(clock, START + HOUR)

    def come(name: str) -> list[str]:
        event = report(name, stamps.next() - START, pair="y" if name.startswith("y") else "x")
        revisions = run.tell(event, arrive=stamps.last_us - START)
        return [f"{revision.key['pair']} {revision.state}" for revision in revisions]

    opened = [come("a"), come("b"), come("c")][-1]
    clock.now_us -= HOUR
    meanwhile = [come(f"y{number}") for number in range(3)][-1]
    told: list[tuple[int, str]] = []
    for minutes in range(0, 4 * 60, 10):
        clock.now_us = START + minutes * MINUTE
        told += [(minutes, revision.state) for revision in run.wait_until(stamps.next() - START)]

    assert opened == ["x open"]
    assert meanwhile == ["y open"]
    assert {state for _, state in told} == {"closed"}
    assert len(told) == 2
    assert min(minutes for minutes, _ in told) > 120  # an hour after the log's clock went on, not after the machine's
