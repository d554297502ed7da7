"""What a round found."""

from __future__ import annotations

from msgspec import Struct, field


class Outcome(Struct):
    """What a round found; whatever stands in `losses` fails the run."""

    kind: str
    seed: int
    faults: int = 0
    kills: int = 0
    lives: int = 0
    seconds: float = 0.0
    sent: int = 0
    revisions: int = 0
    alerts: int = 0
    actions: int = 0
    events_lost: int = 0
    events_doubled: int = 0
    alerts_lost: int = 0
    seen_twice: int = 0
    gaps: int = 0
    written_twice: int = 0
    strong_equal: bool = False
    weak_equal: bool | None = None  # None where it was not judged
    weak_differing: int = 0
    recounted_equal: bool = False
    mismatched: float = 0.0
    recovery_seconds: list[float] = field(default_factory=list)
    held_seconds: list[float] = field(default_factory=list)  # that alerts waited while another server was away
    drain_seconds: float = 0.0
    losses: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
