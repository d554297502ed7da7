"""What a restore would do, what it cannot bring back, and why it may refuse: said before anything is changed."""

from __future__ import annotations

from typing import NamedTuple

from alerts.local_time import local_time
from connectors.address import Where
from connectors.kafka import INTAKE_LOG, log_bounds
from connectors.kafka_intake import last_arrivals
from connectors.kafka_positions import first_arrivals

NOTHING_TO_READ = (
    "the intake log must hold what is to be read again; got no record; was the broker emptied or replaced?"
)


class Plan(NamedTuple):
    """Sentences for the person who is about to say yes."""

    does: list[str]
    lacks: list[str]  # what does not come back, and why
    refusals: list[str]  # why it is not done


class RefusedError(ValueError):
    """Something stands in the way of a restore; the sentence says what must be true."""


class Log(NamedTuple):
    """What the broker holds of the intake log."""

    records: int
    since_us: int  # the oldest arrival, 0 where there is none
    until_us: int  # the last one, 0 where there is none
    is_cut: bool  # whether what came before `since_us` is gone

    @property
    def span(self) -> str:
        """In words: how much, and from when to when."""
        if not self.records:
            return "no record"
        return f"{self.records:,} records of the intake log, {local_time(self.since_us)} to {local_time(self.until_us)}"


def look_at_log(bootstrap: Where) -> Log:
    """What can be read again."""
    bounds = log_bounds(bootstrap, INTAKE_LOG)
    first = [at for at in first_arrivals(bootstrap, INTAKE_LOG, len(bounds)).values() if at]
    last = last_arrivals(bootstrap, INTAKE_LOG, len(bounds))
    records = sum(high - low for low, high in bounds.values())
    is_cut = any(low for low, _ in bounds.values())
    # of a log that is cut a time is whole only where every partition has it
    since_us = (max(first) if is_cut else min(first)) if first else 0
    return Log(records, since_us, max(last.values(), default=0), is_cut)
