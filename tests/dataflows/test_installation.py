"""The clock of an installation: the machine's, or a simulated one that runs faster."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dataflows.installation import tick_interval
from dataflows.settings import Settings


@pytest.mark.parametrize(
    ("start", "speed", "ticks"),
    [(0, 7200.0, timedelta(seconds=1)), (1, 1.0, timedelta(seconds=1)), (1, 7200.0, timedelta(seconds=288))],
)
def test_a_clock_that_runs_faster_does_not_fill_the_log_with_ticks(start: int, speed: float, ticks: timedelta) -> None:
    assert tick_interval(Settings(clock_start=start, clock_speed=speed)) == ticks
