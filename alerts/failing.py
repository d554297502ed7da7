"""What a rule that raises leaves behind: nothing of it stops the flow, and what is said of it names no event.

A key whose state raises is *shut out* from that record on: its alerts close, its state is gone, and what comes for it
is passed over until the rule is of another generation. An event that a rule cannot look at is none for that rule.
Both follow from the log alone, so they are the same with any number of workers and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from alerts.entry import Key
from alerts.model import RuleGap, from_us
from alerts.rule_diff import ChangeClass

if TYPE_CHECKING:
    from alerts.rule import Rule

GOES_ON: tuple[ChangeClass, ...] = ("same", "text", "ladder")  # the generation of the rule stays


class Failure(NamedTuple):
    """A rule has raised. `key` is None where it could not say whether it concerns an event, and under which key."""

    rule: str
    meaning: str
    at: int  # clock instant
    key: Key | None
    error: str  # the type alone: what an exception says may hold what people said
    place: str  # module and line


def meaning_of(rule: Rule) -> str:
    """What an author changes when a rule is mended: its version, or anything that changes its answers."""
    return f"{rule.semantic_hash}@{rule.spec.version}"


def failure_of(rule: Rule, error: Exception, at: int, key: Key | None = None) -> Failure:
    """What is told of an exception. One that says nothing of the rule or the event, as no memory left, goes on up."""
    if isinstance(error, MemoryError):
        raise error
    return Failure(rule.id, meaning_of(rule), at, key, type(error).__name__, _place(error.__traceback__))


def gap_of(failure: Failure) -> RuleGap:
    """The row that says that a rule was not judged then."""
    at = from_us(failure.at)
    return RuleGap(failure.rule, "", "rule_failed", at, at, at)


class ShutOut:
    """Which keys of which rules are passed over, by number of the rule."""

    def __init__(self) -> None:
        self.keys: dict[int, set[Key]] = {}

    def __contains__(self, place: tuple[int, Key]) -> bool:
        return place[0] in self.keys and place[1] in self.keys[place[0]]

    def add(self, number: int, key: Key) -> None:
        """From now on this key is passed over."""
        self.keys.setdefault(number, set()).add(key)

    def under(self, rules: Iterable[Rule], before: Mapping[str, int], changes: Mapping[str, ChangeClass]) -> ShutOut:
        """What is still passed over under the rules of another book; `before` has the numbers they had, by id."""
        still = ShutOut()
        for rule in rules:
            keys = self.keys.get(before.get(rule.id, -1))
            if keys and changes.get(rule.id, "same") in GOES_ON:
                still.keys[rule.number] = keys
        return still

    def state(self) -> Any:
        """Everything, in plain types."""
        return [[number, sorted(keys)] for number, keys in sorted(self.keys.items())]

    @staticmethod
    def restored(state: Any, numbers: Iterable[int | None]) -> ShutOut:
        """What `state` described; `numbers` gives for the number of a rule the one that it has now."""
        found, now = ShutOut(), list(numbers)
        for saved, keys in state:
            number = now[saved]
            if number is not None:
                found.keys[number] = {tuple(key) for key in keys}
        return found


def _place(trace: TracebackType | None) -> str:
    """Where the exception came from: the innermost place."""
    if trace is None:
        return "unknown"
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', 'unknown')}:{trace.tb_lineno}"
