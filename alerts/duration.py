"""Lengths of time as people write them in files: `90m`, `6h`, `1h30m`, `7d`."""

from __future__ import annotations

import re

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_UNITS = {"d": DAY_US, "h": HOUR_US, "m": MINUTE_US, "s": SECOND_US}
_WHOLE = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_duration(text: str) -> int:
    """Microseconds of a duration; units `s m h d`, the greater before the smaller."""
    match = _WHOLE.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    if not match or not text:
        raise ValueError(f"duration must be numbers with the units d, h, m, s, such as `1h30m`; got `{text}`")
    return sum(int(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n)


def format_duration(us: int) -> str:
    """The shortest text that `parse_duration` reads back; parts of a second are cut off."""
    parts = []
    for letter, unit in _UNITS.items():
        count, us = divmod(us, unit)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"
