"""When the alerts of a rule are revised, closed and opened again: the numbers of its `lifecycle`."""

from __future__ import annotations

from alerts.rule_file import RuleError, RuleFile
from alerts.rule_parts import duration


class Life:
    """The numbers of a rule's `lifecycle`; microseconds, None for never."""

    def __init__(self, spec: RuleFile) -> None:
        life = spec.lifecycle
        self.revise_on = frozenset(life.revise_on)
        self.never_suppress = frozenset(life.never_suppress) | {"level_up", "confirmed"}
        self.quiet_close = _optional(life.quiet_close, "quiet_close")
        self.reopen_within = _optional(life.reopen_within, "reopen_within")
        self.min_gap = duration(life.min_gap, "lifecycle", "min_gap")
        self.max_gap = duration(life.max_gap, "lifecycle", "max_gap")
        self.max_quiet_update = duration(life.max_quiet_update, "lifecycle", "max_quiet_update")
        care = life.aftercare
        self.aftercare = duration(care.for_, "lifecycle", "aftercare") if care else None
        self.level_plus = care.level_plus if care else 0
        if care and care.level_plus < 1:
            got = care.level_plus
            raise RuleError(f"`level_plus` must be at least 1; got {got}", ("lifecycle", "aftercare", "level_plus"))


def _optional(text: str | None, name: str) -> int | None:
    return None if text is None else duration(text, "lifecycle", name)
