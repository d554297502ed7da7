"""The functions that a profile found dearest."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parent.parent
DEAREST = 40


class ProfileRow(Struct, frozen=True):
    """One function: what it took by itself, and with all that it calls."""

    function: str  # `alerts/track.py:63 add`
    calls: int
    own_seconds: float
    own_share: float  # of everything profiled
    with_called_seconds: float


def profile_rows(profile: cProfile.Profile, most: int = DEAREST) -> list[ProfileRow]:
    """The functions that took most by themselves, dearest first."""
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values()) or 1.0
    rows = [
        ProfileRow(_name(*place), calls, own, own / total, whole) for place, (_, calls, own, whole, _) in stats.items()
    ]
    return sorted(rows, key=lambda row: -row.own_seconds)[:most]


def _name(file: str, line: int, function: str) -> str:
    path = Path(file)
    if path.is_relative_to(ROOT):
        return f"{path.relative_to(ROOT)}:{line} {function}"
    return function if file == "~" else f"{path.name}:{line} {function}"
