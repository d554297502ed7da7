"""Whether there is room on a disk."""

from __future__ import annotations

from dataflows.doctor.line import Line, attention, broken, ok

LITTLE, NONE = 0.15, 0.02  # of the whole

_REMEDY = "make room, or give it a larger disk"


def room_line(area: str, free_bytes: int, total_bytes: int) -> Line:
    """How much is left."""
    says = f"{free_bytes / 1e9:,.1f} of {total_bytes / 1e9:,.1f} GB are free"
    if free_bytes <= NONE * total_bytes:
        return broken(area, says, _REMEDY)
    if free_bytes <= LITTLE * total_bytes:
        return attention(area, says, _REMEDY)
    return ok(area, says)
