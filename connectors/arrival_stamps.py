"""The stamps of the intake log: what arrived when, strictly rising whatever the machine's clock does."""

from __future__ import annotations

import logging
from collections.abc import Callable

from alerts.model import from_us
from connectors.metrics import Metrics

Clock = Callable[[], int]  # microseconds since 1970 UTC

AHEAD_US = 5_000_000  # more than the clocks of two machines should differ

_log = logging.getLogger("anlan.kafka")


class Stamps:
    """Arrivals in one strictly rising order: the clock, or a microsecond after the last where that is not past it.

    While the clock is behind the last stamp, the clock of the log as good as stands: what is judged on arrival is
    judged as ever, and what waits for a time to pass waits until the machine's clock is there again.
    """

    def __init__(self, clock: Clock, last_us: int, metrics: Metrics | None = None) -> None:
        self._clock = clock
        self._ahead = (metrics or Metrics()).log_clock_ahead
        self._is_told = False
        self.last_us = last_us
        self._watch(clock(), "log_ahead_of_clock")

    def next(self) -> int:
        """The next arrival."""
        now_us = self._clock()
        if self._is_told or now_us < self.last_us - AHEAD_US:
            self._watch(now_us, "clock_went_back")
        self.last_us = max(now_us, self.last_us + 1)
        return self.last_us

    def _watch(self, now_us: int, what: str) -> None:
        ahead_us = self.last_us - now_us
        if ahead_us > AHEAD_US and not self._is_told:
            self._is_told = True
            _log.error(
                "%s seconds=%.0f last=%s arrivals rise by a microsecond each and timers wait until the clock is there",
                what,
                ahead_us / 1e6,
                from_us(self.last_us),
            )
        elif ahead_us < 0 and self._is_told:
            self._is_told = False
            _log.warning("clock_caught_up last=%s", from_us(self.last_us))
        self._ahead.set(max(0, ahead_us) / 1e6 if self._is_told else 0)
