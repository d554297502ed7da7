"""Lengths of time as people write them in files: `90m`, `6h`, `1h30m`, `7d`, and `5wd` in working days."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_UNITS = {"d": DAY_US, "h": HOUR_US, "m": MINUTE_US, "s": SECOND_US}
_WHOLE = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_WORKING = re.compile(r"(\d+)wd", re.ASCII)
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%", re.ASCII)
_WORDS = ((DAY_US, "天", "d"), (HOUR_US, "小时", "h"), (MINUTE_US, "分钟", "min"), (SECOND_US, "秒", "s"))


class Span(NamedTuple):
    """A length of calendar time or of working time; a working day is 24 h of working time."""

    amount_us: int
    working: bool = False

    def words(self) -> tuple[str, str]:
        """The length in Chinese and English: `4个工作日`, `4 working days`; `7天`, `7 d`."""
        if self.working:
            count = _decimal(self.amount_us, DAY_US)
            return f"{count}个工作日", f"{count} working day{'' if count == '1' else 's'}"
        for unit, chinese, english in _WORDS:
            if self.amount_us >= unit and self.amount_us * 10 % unit == 0:
                count = _decimal(self.amount_us, unit)
                return f"{count}{chinese}", f"{count} {english}"
        unit, chinese, english = next((each for each in _WORDS if self.amount_us >= each[0]), _WORDS[-1])
        count = _decimal(self.amount_us, unit)
        return f"{count}{chinese}", f"{count} {english}"


def parse_duration(text: str) -> int:
    """Microseconds of a duration; units `s m h d`, the greater before the smaller."""
    match = _WHOLE.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    if not match or not text:
        raise ValueError(f"duration must be numbers with the units d, h, m, s, such as `1h30m`; got `{text}`")
    return sum(int(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n)


def parse_span(text: str) -> Span:
    """The length that `5wd` (working days) or a duration such as `7d` (calendar time) names."""
    if match := _WORKING.fullmatch(text):
        return Span(int(match[1]) * DAY_US, working=True)
    try:
        return Span(parse_duration(text))
    except ValueError:
        raise ValueError(
            f"length must be working days such as `5wd` or a duration such as `7d`; got `{text}`"
        ) from None


def parse_share(text: str) -> Fraction | None:
    """The exact share that a percentage such as `80%` names, or None if the text is none."""
    match = _SHARE.fullmatch(text)
    return Fraction(match[1]) / 100 if match else None


def format_duration(us: int) -> str:
    """The shortest text that `parse_duration` reads back; parts of a second are cut off."""
    parts = []
    for letter, unit in _UNITS.items():
        count, us = divmod(us, unit)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"


def _decimal(amount: int, unit: int) -> str:
    """How many units, with one or two decimals where they are needed."""
    return f"{amount / unit:.2f}".rstrip("0").rstrip(".")
