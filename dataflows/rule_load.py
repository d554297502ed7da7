"""How much a rule says, against its noise budget."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from alerts.model import LEVELS, Level


class RuleLoad(Struct, frozen=True, kw_only=True):
    """What one rule said in so many days."""

    rule: str
    days: int
    levels: tuple[int, int, int]  # alerts that stood, by the highest level each reached
    revisions: int
    retracted: int
    budget: Mapping[Level, float]  # alerts a day

    @property
    def alerts(self) -> int:
        """All that stood."""
        return sum(self.levels)

    @property
    def per_day(self) -> float:
        """Alerts on an average day."""
        return self.alerts / self.days

    @property
    def broken(self) -> Mapping[Level, float]:
        """What it says a day at each level of its budget that it does not keep."""
        counts = dict(zip(LEVELS, self.levels, strict=True))
        rates = {level: counts[level] / self.days for level in self.budget}
        return {level: rate for level, rate in rates.items() if rate > self.budget[level]}
