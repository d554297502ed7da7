"""Local times as departments write them. The city keeps one zone, UTC+8 without summer time."""

from __future__ import annotations

from datetime import date, timedelta, timezone
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
OFFSET_SECONDS = 8 * 3600
LOCAL = timezone(timedelta(seconds=OFFSET_SECONDS))

_FIRST = date(1970, 1, 1)


@lru_cache(maxsize=4096)
def _date(days: int) -> str:
    return (_FIRST + timedelta(days=days)).isoformat()


@lru_cache(maxsize=86_400)
def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def split(us: int) -> tuple[str, str]:
    """Local date and local time of day: ("2026-03-02", "09:00:00")."""
    days, second = divmod(us // SECOND + OFFSET_SECONDS, 86_400)
    return _date(days), _clock(second)


def day_number(us: int) -> int:
    """Local days since 1970; 0 was a Thursday."""
    return (us // SECOND + OFFSET_SECONDS) // 86_400


def compact(us: int) -> str:
    """Digits only, "20260302090000": for numbers that contain a time."""
    date, clock = split(us)
    return date.replace("-", "") + clock.replace(":", "")
