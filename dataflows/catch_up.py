"""After a start: how far the flow has come through what stood in the intake log, said in the log and in a gauge."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alerts.model import from_us
from connectors.metrics import Metrics

SAY_EVERY_SECONDS = 10.0

_log = logging.getLogger("anlan.state")


class CatchUp:
    """Follows the clock of the log from a start to where the log ended then."""

    def __init__(
        self,
        metrics: Metrics,
        until_us: int = 0,
        is_rebuild: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`until_us` is the last arrival in the log at the start; 0 where there is nothing to catch up with."""
        self._metrics = metrics
        self._until_us = until_us
        self._what = "rebuild" if is_rebuild else "catch_up"
        self._now = now
        self._began = self._said = now()
        self._first_us = 0
        self._is_over = not until_us
        metrics.state_rebuilt.set(is_rebuild and not self._is_over)

    def passed(self, clock_us: int) -> None:
        """The flow has worked off everything that arrived up to this instant."""
        if self._is_over:
            return
        now = self._now()
        self._first_us = self._first_us or clock_us
        if clock_us >= self._until_us:
            self._is_over = True
            self._metrics.state_rebuilt.set(0)
            _log.warning("%s_done seconds=%.1f", self._what, now - self._began)
        elif now >= self._said + SAY_EVERY_SECONDS:
            self._said = now
            done = (clock_us - self._first_us) / max(self._until_us - self._first_us, 1)
            _log.warning("%s_went_on percent=%.0f at=%s", self._what, 100 * done, from_us(clock_us).isoformat())
