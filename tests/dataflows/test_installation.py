"""The clock of an installation: the machine's, or a simulated one that runs faster; and the rules that fit it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, RulebookError
from dataflows.installation import rules_of, tick_interval
from dataflows.settings import Settings


@pytest.mark.parametrize(
    ("start", "speed", "ticks"),
    [(0, 7200.0, timedelta(seconds=1)), (1, 1.0, timedelta(seconds=1)), (1, 7200.0, timedelta(seconds=288))],
)
def test_a_clock_that_runs_faster_does_not_fill_the_log_with_ticks(start: int, speed: float, ticks: timedelta) -> None:
    assert tick_interval(Settings(clock_start=start, clock_speed=speed)) == ticks


def test_with_others_below_no_rule_may_say_that_something_did_not_happen() -> None:
    channels, calendars = load_channels(), load_calendars()

    with pytest.raises(RulebookError) as refused:
        rules_of(Settings(upstream=("lanzhou",)), channels, calendars)

    unfit = {
        rule.id for rule in rules_of(Settings(), channels, calendars) if rule.spec.kind in ("obligation", "silence")
    }
    lines = str(refused.value).splitlines()
    assert len(lines) == len(unfit) >= 6
    assert all(any(f"got `{rule}` (" in line for line in lines) for rule in unfit)
    assert lines[0] == (
        "a rule about what did not happen must run below, where one city's channels vouch for it; got"
        " `cs.channel-silent` (silence) beside `upstream`; leave it out of `rules` here"
    )
    safety = str(RULES_FOLDER / "life-safety")
    assert rules_of(Settings(upstream=("lanzhou",), rules=(safety,)), channels, calendars)
