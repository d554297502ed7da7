"""Which channels are quiet for too long: watched where all records pass, told to the rules of kind `silence`.

While a silence alert of a channel is open, absence that needs the channel is not asserted (semantics 5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from alerts.entry import SELECTED, Entry, Key
from alerts.keeping import slim
from alerts.kinds.silence import BACK, QUIET, SilencePlan
from alerts.model import ALWAYS, NEVER, Event
from alerts.rule import Rule

Sign = tuple[int, int, str, Event]  # (arrival, channel rank, id, the event or heartbeat)


class Change(NamedTuple):
    """At a clock instant a channel has become quiet, more gravely quiet, or is back."""

    at: int
    rule: Rule
    key: Key
    entry: Entry
    channel: str
    is_quiet: bool


class _Watch:
    """One channel of one rule."""

    __slots__ = ("channel", "due", "expected", "has_beaten", "plan", "reached", "rule", "sign")

    def __init__(self, rule: Rule, plan: SilencePlan, channel: str) -> None:
        self.rule = rule
        self.plan = plan
        self.channel = channel
        self.expected = plan.events_only.get(channel, ALWAYS)  # until the first heartbeat
        self.has_beaten = False
        self.sign: Sign | None = None  # the last one heard; before the first one nothing is expected
        self.reached = 0  # how many rungs
        self.due = NEVER  # the clock instant of the next rung, or one before it

    def next_at(self) -> int:
        """The clock instant of the next rung."""
        if self.sign is None or self.expected == ALWAYS or self.reached == len(self.plan.rungs):
            return ALWAYS
        ratio, _ = self.plan.rungs[self.reached]
        return self.plan.reached_at(self.sign[0], int(ratio * self.expected))

    def beat(self) -> None:
        """The channel sends heartbeats: it has promised to."""
        self.has_beaten = True
        self.expected = self.plan.expected[self.channel]

    def saved_sign(self) -> Sign | None:
        """The last one heard, without people's words."""
        return None if self.sign is None else (*self.sign[:3], slim(self.sign[3]))

    def change(self, at: int, what: str) -> Change:
        """What is told to the rule."""
        assert self.sign is not None
        heard, rank, identity, event = self.sign
        level = self.plan.rungs[max(self.reached, 1) - 1][1]
        entry: Entry = (heard, rank, identity, identity, SELECTED, (what, at, level, self.expected), slim(event))
        return Change(at, self.rule, ("0", self.channel), entry, self.channel, what == QUIET)


class QuietWatch:
    """Watches every channel that some rule of kind `silence` listens to."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._watches: list[_Watch] = []
        for rule in rules:
            if isinstance(rule.plan, SilencePlan):
                self._watches += [_Watch(rule, rule.plan, channel) for channel in sorted(rule.channels)]
        self._of: dict[str, list[_Watch]] = {}
        for watch in self._watches:
            self._of.setdefault(watch.channel, []).append(watch)
        self.soonest = ALWAYS  # no channel becomes quiet before this instant
        self._since = NEVER  # the rules are these from this instant on

    def heard(self, event: Event, rank: int, at: int) -> list[Change]:
        """A record of a channel arrived; the rules whose alert ends with it."""
        changes = []
        is_beat = event.action == "heartbeat"
        for watch in self._of.get(event.channel, ()):
            if watch.reached or watch.sign is None or (is_beat and not watch.has_beaten):
                self.soonest = min(self.soonest, at)
                watch.due = NEVER
            if watch.reached:
                changes.append(watch.change(at, BACK))
                watch.reached = 0
            if is_beat:
                watch.beat()
            watch.sign = (at, rank, event.id, event)  # whole: what is told and saved of it is not
        return changes

    def before(self, clock: int) -> Iterator[Change]:
        """What changes at instants before `clock`, in their order."""
        while self.soonest < clock:
            at, watch = self._next()
            self.soonest = at = max(at, self._since)
            if at < clock:
                watch.reached += 1
                watch.due = NEVER
                yield watch.change(at, QUIET)

    def _next(self) -> tuple[int, _Watch]:
        """When the next channel becomes quiet, and which. Whoever was heard meanwhile is later than was known of it."""
        while True:
            watch = min(self._watches, key=_due)
            at = watch.next_at()
            if at == watch.due:
                return at, watch
            watch.due = at

    def turn(self, at: int, begun: Collection[str]) -> None:
        """Another rule book holds from `at` on. The rules `begun` have said nothing yet of what is quiet by now."""
        self._since = at
        for watch in self._watches:
            if watch.rule.id in begun:
                watch.reached = 0
                watch.due = NEVER

    def silent(self) -> set[str]:
        """The channels whose silence somebody is told of; a shadow tells no one."""
        return {watch.channel for watch in self._watches if watch.reached and watch.rule.spec.status == "live"}

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [self._since, [[w.rule.id, w.channel, w.reached, w.has_beaten, w.saved_sign()] for w in self._watches]]

    def restore(self, state: Any) -> None:
        """Take back what `state` gave; a rule or channel that it does not know starts afresh."""
        self._since, watches = state
        kept = {(rule, channel): found for rule, channel, *found in watches}
        for watch in self._watches:
            reached, has_beaten, sign = kept.get((watch.rule.id, watch.channel), (0, False, None))
            if has_beaten:
                watch.beat()
            watch.reached = min(reached, len(watch.plan.rungs))
            watch.due = NEVER
            watch.sign = None if sign is None else (*sign[:3], msgspec.convert(sign[3], Event))
        self.soonest = NEVER if self._watches else ALWAYS


_due = attrgetter("due")
