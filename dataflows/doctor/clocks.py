"""Whether the machines agree on what time it is."""

from __future__ import annotations

import time

from dataflows.doctor.line import Line, attention, broken, ok

NOTICED_SECONDS = 2.0  # what a machine that is kept in time never reaches
WRONG_SECONDS = 60.0  # reports would be late, or of the future

_REMEDY = "let chrony or ntpd keep both machines in time"


def clock_line(area: str, there_us: int) -> Line:
    """Another machine's clock (microseconds) beside ours."""
    seconds = there_us / 1e6 - time.time()
    says = f"its clock is {abs(seconds):,.1f} s {'ahead of' if seconds > 0 else 'behind'} ours"
    if abs(seconds) >= WRONG_SECONDS:
        return broken(f"{area} clock", says, _REMEDY)
    if abs(seconds) >= NOTICED_SECONDS:
        return attention(f"{area} clock", says, _REMEDY)
    return ok(f"{area} clock", "agrees with ours")
