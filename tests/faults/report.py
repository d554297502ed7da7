"""The table of a run and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.table import Table

from tests.faults.outcome import Outcome

COLUMNS = (
    "kind", "faults", "kills", "events", "revisions", "events lost", "alerts lost", "seen twice", "strong", "weak",
    "recount", "back p50 s", "max s", "held up max s",
)  # fmt: skip


def table(outcomes: Sequence[Outcome]) -> Table:
    """A line for each kind."""
    shown = Table(*COLUMNS)
    for each in outcomes:
        times = each.recovery_seconds
        shown.add_row(
            each.kind, *(f"{n:,}" for n in (each.faults, each.kills, each.sent, each.revisions, each.events_lost,
            each.alerts_lost, each.seen_twice)), *(_equal(is_equal) for is_equal in (each.strong_equal,
            each.weak_equal, each.recounted_equal)), f"{median(times):.1f}" if times else "–",
            f"{max(times):.1f}" if times else "–", f"{max(each.held_seconds):.1f}" if each.held_seconds else "–",
        )  # fmt: skip
    return shown


def _equal(is_equal: bool | None) -> str:
    return "–" if is_equal is None else "equal" if is_equal else "[red]differs"
