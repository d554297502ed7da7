"""The table of a run and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.table import Table

from tests.faults.outcome import Outcome

COLUMNS = (
    "kind", "faults", "kills", "events", "actions", "revisions", "events lost", "alerts lost", "seen twice", "strong",
    "weak", "recount", "back p50 s", "max s", "held up max s",
)  # fmt: skip


def table(outcomes: Sequence[Outcome]) -> Table:
    """A line for each kind."""
    shown = Table(*COLUMNS)
    for each in outcomes:
        counts = (
            each.faults, each.kills, each.sent, each.actions, each.revisions, each.events_lost, each.alerts_lost,
            each.seen_twice,
        )  # fmt: skip
        equals = (each.strong_equal, each.weak_equal, each.recounted_equal)
        back, held = each.recovery_seconds, each.held_seconds
        shown.add_row(
            each.kind, *(f"{n:,}" for n in counts), *map(_equal, equals), f"{median(back):.1f}" if back else "–",
            f"{max(back):.1f}" if back else "–", f"{max(held):.1f}" if held else "–",
        )  # fmt: skip
    return shown


def _equal(is_equal: bool | None) -> str:
    return "–" if is_equal is None else "equal" if is_equal else "[red]differs"
