"""How long somebody may be remembered: names must not change sooner, or windows are cut in two."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.linker_fold import JOIN_WINDOW, REOPEN_WITHIN
from alerts.rule import Rule

# in the key of a rule these name nobody; whatever else stands there may hold a token
_NOBODY = frozenset(
    ("county", "township", "village", "region", "grid", "category", "subcategory", "channel", "unit", "unit_level",
     "matter", "case", "action", "reporter_class", "violence")
)  # fmt: skip


def longest_memory(rules: Iterable[Rule]) -> int:
    """For how long after the last word of somebody a rule or the linker may count on them at most, in microseconds."""
    return max(JOIN_WINDOW + REOPEN_WITHIN, *map(_memory, rules), 0)


def _memory(rule: Rule) -> int:
    """Of a rule about people their alert counts as well, while it is open or may open again."""
    names = {*rule.key_names, *rule.spec.key_fallback}
    if rule.is_whole or names <= _NOBODY:
        return rule.size + rule.lateness
    life = rule.life
    return rule.memory + (life.quiet_close or 0) + max(life.reopen_within or 0, life.aftercare or 0)
