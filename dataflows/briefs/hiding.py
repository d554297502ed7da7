"""Small numbers below township level: which are not shown, so that none can be computed from what is.

What is shown of villages is their numbers and the sum of all of them. So the sum of what is hidden is known; where it
leaves no doubt (one village is hidden, or each of them must be at its limit) the least of the others are hidden too.
Whether that is needed depends on nothing but the hidden villages and their sum; otherwise, that more is hidden than
must be would itself say what the numbers are.
"""

from __future__ import annotations

from collections.abc import Mapping

LEAST_SHOWN = 5  # n < 5 is not shown below township level


def hidden(numbers: Mapping[str, int]) -> frozenset[str]:
    """The names whose numbers are not shown. `numbers` has every name that there could be, those with 0 as well."""
    small = frozenset(name for name, number in numbers.items() if number < LEAST_SHOWN)
    if not _is_guessed(len(small), sum(numbers[name] for name in small)):
        return small
    least = min((number for name, number in numbers.items() if name not in small), default=None)
    return small | {name for name, number in numbers.items() if number == least}


def _is_guessed(count: int, total: int) -> bool:
    """Does the sum of so many small numbers say what they are? That nothing happened anywhere may be known."""
    return total > 0 and (count == 1 or total >= (LEAST_SHOWN - 1) * count - 1)
