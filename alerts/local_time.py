"""Instants as people here read them: local time, to the minute."""

from __future__ import annotations

from alerts.duration import HOUR_US
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import from_us


def local_time(at: int) -> str:
    """`2026-03-09 10:00`, of microseconds since 1970 UTC."""
    return from_us(at + LOCAL_OFFSET_HOURS * HOUR_US).strftime("%Y-%m-%d %H:%M")
