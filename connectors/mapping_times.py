"""Times as departments write them, made into aware UTC times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.model import EPOCH

ReadTime = Callable[[str], datetime | None]
_NAMED = ("iso", "epoch_s", "epoch_ms")


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; `ValueError` in a sentence if there is none."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"zone must be an IANA name such as `Asia/Shanghai`; got `{name}`") from None


def time_reader(formats: list[str], zone: tzinfo | None) -> ReadTime:
    """A function from text to UTC: the first format that fits. Nothing, if none fits or no zone is known.

    In the hour that a zone repeats in autumn a time is the first of the two; in the hour it leaves out
    in spring a time is read with the offset from before.
    """
    ways = [_way(name, zone) for name in formats]

    def read(text: str) -> datetime | None:
        for way in ways:
            try:
                return way(text).astimezone(UTC)
            except (ValueError, OverflowError):
                continue
        return None

    return read


def check_format(name: str) -> None:
    """Refuse a format that could never be read."""
    if name in _NAMED:
        return
    example = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC)
    try:
        if "%" not in name:
            raise ValueError(name)
        _way(name, UTC)(example.strftime(name))
    except ValueError:
        raise ValueError(
            f"time format must be one of {', '.join(_NAMED)} or like `%Y-%m-%d %H:%M:%S`; got `{name}`"
        ) from None


def _way(name: str, zone: tzinfo | None) -> Callable[[str], datetime]:
    if name == "iso":
        return lambda text: _in_zone(datetime.fromisoformat(text), zone)
    if name == "epoch_s":
        return lambda text: EPOCH + timedelta(seconds=float(text))
    if name == "epoch_ms":
        return lambda text: EPOCH + timedelta(milliseconds=float(text))
    if "%z" in name:
        return lambda text: datetime.strptime(text, name).astimezone(UTC)
    return lambda text: _in_zone(datetime.strptime(text, name).replace(tzinfo=zone), zone)


def _in_zone(at: datetime, zone: tzinfo | None) -> datetime:
    if at.tzinfo is not None:
        return at
    if zone is None:
        raise ValueError("time must have an offset; got none")
    return at.replace(tzinfo=zone)
