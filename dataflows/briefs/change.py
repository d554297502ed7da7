"""A number beside what it was before: how much it has changed, or why that cannot be said."""

from __future__ import annotations

from typing import Literal, NamedTuple

Reason = Literal["no_data", "zero", "not_over", "no_such_day", "nobody"]


class Change(NamedTuple):
    """By which part a number has changed; nothing where there is a reason not to say so."""

    share: float | None
    reason: Reason | None = None


class Rate(NamedTuple):
    """So many of so many."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """Nothing of nothing is no rate."""
        return self.part / self.whole if self.whole else None


def change(now: int, before: int | Reason) -> Change:
    """Against the number before, or the reason why there is none."""
    if isinstance(before, str):
        return Change(None, before)
    if before == 0:
        return Change(None, "zero")
    return Change(now / before - 1)


def rate_change(now: Rate, before: Rate | Reason) -> Change:
    """The difference of two rates, in parts of one."""
    if isinstance(before, str):
        return Change(None, before)
    if now.share is None or before.share is None:
        return Change(None, "nobody")
    return Change(now.share - before.share)
