"""Who waits for a flow that has just started can see how far it is."""

from __future__ import annotations

import logging

import pytest

from connectors.metrics import Metrics
from dataflows.catch_up import CatchUp

HOUR = 3_600_000_000
NOON = 1_767_240_000_000_000


def test_a_rebuild_says_now_and_then_how_far_it_is_and_once_that_it_is_done(caplog: pytest.LogCaptureFixture) -> None:
    times = iter([0.0, 1.0, 5.0, 11.0, 12.0, 30.5])
    metrics = Metrics()
    with caplog.at_level(logging.WARNING):
        catch_up = CatchUp(metrics, NOON + 10 * HOUR, is_rebuild=True, now=lambda: next(times))
        assert metrics.value("anlan_state_rebuilt_state") == 1
        for hours in (0, 2, 4, 6, 10, 11):
            catch_up.passed(NOON + hours * HOUR)
    assert [record.getMessage() for record in caplog.records] == [
        "rebuild_went_on percent=40 at=2026-01-01T08:00:00+00:00",
        "rebuild_done seconds=30.5",
    ]
    assert metrics.value("anlan_state_rebuilt_state") == 0


def test_a_start_with_nothing_behind_it_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    CatchUp(metrics).passed(NOON)
    assert not caplog.records
    assert metrics.value("anlan_state_rebuilt_state") == 0


def test_an_ordinary_start_is_no_rebuild(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    catch_up = CatchUp(metrics, NOON)
    assert metrics.value("anlan_state_rebuilt_state") == 0
    with caplog.at_level(logging.WARNING):
        catch_up.passed(NOON)
    assert caplog.records[0].getMessage().startswith("catch_up_done seconds=")
