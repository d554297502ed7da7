"""A city of five channels, rules and reports in a line each, and a run whose clock the test moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alerts.alert import Draft
from alerts.calendar import Calendar, calendar_of
from alerts.channel import Channel
from alerts.desk.routing import Routing
from alerts.desk.routing_file import NO_ROUTING, RoutingFile
from alerts.linking import Routed
from alerts.model import Act, Acted, AlertAction, Arrival, Book, Event, PooledEvent, Revision, Slice, Text, from_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule, compile_rule

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_772_000_000_000_000
RANKS = {"grid": 1, "hotline": 2, "police": 2, "petition": 3, "superior": 4}
LABELS = {"grid": "网格", "hotline": "12345", "police": "110", "petition": "信访", "superior": "上级交办"}
CALENDARS = {"cn": calendar_of({})}
CHANNELS = {name: Channel(name, Text(LABELS[name], name), rank, 6 * HOUR, 3 * DAY) for name, rank in RANKS.items()}


def make_rule(
    kind: str = "threshold", number: int = 0, calendars: Mapping[str, Calendar] | None = None, **parts: Any
) -> Rule:
    """A rule that counts the contacts of a pair, unless the parts say otherwise."""
    spec = {
        "apiVersion": "rules/v1", "id": f"test.{kind}", "version": 1, "kind": kind,
        "title": {"zh": "测", "en": "t"}, "owner": "tests", "purpose": "life-safety", "channels": list(RANKS),
        "select": {"contact": {"action": ["received"]}}, "key": ["pair"],
        "window": {"size": "2d", "lateness": "6h"}, **parts,
    }  # fmt: skip
    if kind in ("threshold", "distinct"):
        spec.setdefault("levels", [{"gte": 3, "level": "blue"}, {"gte": 5, "level": "red"}])
    return compile_rule(spec, CHANNELS, number, calendars)


def report(name: str, at: int, channel: str = "hotline", **fields: Any) -> Event:
    """A report `at` microseconds after the start."""
    known = {"action": "received", "pair": "x", "matter": "m", **fields}
    return Event(id=name, channel=channel, occurred_at=from_us(START + at), **known)


class Run:
    """The stages under a clock that the test moves; times are microseconds after the start."""

    def __init__(self, *rules: Rule, shards: int = 1, routing: RoutingFile = NO_ROUTING) -> None:
        self.rules = rules
        self.shards = shards
        self.routing = routing
        self.pipeline = self._pipeline()
        self.actions = 0
        self.drafts: list[Draft] = []
        self.routed: list[Routed] = []

    def tell(self, event: Event, arrive: int | None = None, source: str = "") -> list[Revision]:
        """An event arrives, when it happened unless said otherwise; the revisions that it brings."""
        at = event.occurred_at if arrive is None else from_us(START + arrive)
        return self.take(Arrival(event, (at - from_us(0)) // (from_us(1) - from_us(0)), source))

    def take(self, *arrivals: Arrival) -> list[Revision]:
        """Some arrivals in one slice."""
        return self._keep(*self.pipeline.take(Slice(arrivals[-1].arrived_us, list(arrivals))))

    def wait_until(self, at: int) -> list[Revision]:
        """The clock moves; everything up to and with that instant happens."""
        return self._keep(*self.pipeline.take(Slice(START + at + 1, [])))

    def finish(self) -> list[Revision]:
        """The bounded input ends."""
        return self._keep(*self.pipeline.finish())

    def restart(self) -> None:
        """The process ends and another one goes on from the saved state."""
        kept = self.pipeline.snapshot()
        acted = self.pipeline.acted
        self.pipeline = self._pipeline()
        self.pipeline.acted = acted
        self.pipeline.restore(kept)

    def do(self, at: int, action: str, **fields: Any) -> list[Revision]:
        """A person acts at that instant; a supervisor of the whole city unless said otherwise."""
        self.actions += 1
        known: dict[str, Any] = {"action_id": f"a{self.actions}", "actor": "li", "role": "supervisor", **fields}
        act = Act(START + at, AlertAction(action=action, acted_at=from_us(START + at), **known))
        return self._keep(*self.pipeline.take(Slice(START + at, [act])))

    def route(self, at: int, routing: RoutingFile) -> list[Revision]:
        """Another routing stands in the log at that instant."""
        book = Book(START + at, (), msgspec.to_builtins(routing))
        return self._keep(*self.pipeline.take(Slice(START + at, [book])))

    @property
    def acted(self) -> Acted:
        """What became of the last action."""
        return self.pipeline.acted[-1]

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self.rules, CHANNELS, self.shards, routing=self.routing, routing_of=lambda file: Routing(file, CALENDARS),
            matters=self.of_matters,
        )  # fmt: skip

    def of_matters(self, matters: frozenset[str], before: int) -> list[PooledEvent]:
        """What the pool would say of the events of some matters."""
        last = {pooled.event.id: pooled for routed in self.routed for pooled in routed.pooled}
        return [pooled for pooled in last.values() if pooled.matter in matters]

    @property
    def revisions(self) -> list[Revision]:
        """Every revision so far."""
        return [draft.revision for draft in self.drafts if not draft.standing]

    def _keep(self, routed: Routed, drafts: list[Draft]) -> list[Revision]:
        self.routed.append(routed)
        self.drafts += drafts
        return [draft.revision for draft in drafts if not draft.standing]


def said(revisions: Sequence[Revision]) -> list[tuple[int, str, str, str]]:
    """(revision, state, level, reason) of each."""
    return [(r.revision, r.state, r.level, r.reason) for r in revisions]
