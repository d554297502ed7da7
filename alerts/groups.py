"""What the rules of a book wait for together: clock watermarks and those who vouch for absence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from alerts.clock import Group
from alerts.rule import Rule
from alerts.vouching import Vouchers


class Groups(NamedTuple):
    """What the rules of a book wait for: the different clock watermarks and vouchers, and which are whose.

    `of` has for each rule the numbers of its own in the list of all timelines: clock watermarks come first.
    """

    clocks: list[Group]
    vouchers: list[Vouchers]
    of: list[tuple[int, ...]]


def groups_of(rules: Sequence[Rule]) -> Groups:
    """The groups of some rules, whose numbers must be their places."""
    clocks = list(dict.fromkeys(rule.group for rule in rules))
    plans = [rule.plan for rule in rules]
    wanted = [(plan.vouch, hold) for plan in plans if plan and plan.vouch for hold in (plan.max_hold_us, None)]
    vouchers: list[Vouchers] = list(dict.fromkeys(wanted))
    numbers = []
    for place, rule in enumerate(rules):
        if rule.number != place:
            raise ValueError(f"rule `{rule.id}` must have its place as its number; got {rule.number} at {place}")
        own = [clocks.index(rule.group)]
        if rule.plan is not None and rule.plan.vouch:
            holds = (rule.plan.max_hold_us, None)
            own += [len(clocks) + vouchers.index((rule.plan.vouch, hold)) for hold in holds]
        numbers.append(tuple(own))
    return Groups(clocks, vouchers, numbers)
