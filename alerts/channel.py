"""What is known of a channel: its names, how high it stands, how long we wait for it."""

from __future__ import annotations

from msgspec import Struct

from alerts.model import Text


class Channel(Struct, frozen=True):
    """One way in. `lateness_us` is how long stragglers are waited for, `idle_us` when quiet means silent."""

    id: str
    label: Text
    rank: int
    lateness_us: int
    idle_us: int
    short: Text | None = None  # its name inside a sentence, where that is shorter than the label
