"""The first stage after the log: no event twice, every event in its matter, and off to the rules it concerns."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from alerts.channel import Channel
from alerts.clock import Watermarks
from alerts.detection import Item, Work
from alerts.duration import DAY_US
from alerts.linker import SCORES, Decision, Linker, Order, Placed
from alerts.model import Arrival, DeadLetter, Event, LateEvent, MatterLink, PooledEvent, Slice, from_us, to_us
from alerts.router import Router, groups_of
from alerts.rule import Rule

STATE_VERSION = 1
DEDUP_AT_LEAST = 7 * DAY_US
LINKER_LATENESS = DAY_US


class Routed(NamedTuple):
    """What one slice became: work for each shard, and what goes straight to the pool."""

    slice: int
    work: list[Work]
    pooled: list[PooledEvent]
    links: list[MatterLink]
    late: list[LateEvent]
    dead: list[DeadLetter]
    heartbeats: dict[str, int]  # by channel
    fenced: dict[str, int]  # rows that the intake wrote twice, by channel


class Linking:
    """Deduplication, watermarks, matters and routing: one order in, the shards' work out."""

    def __init__(self, rules: Sequence[Rule], channels: Mapping[str, Channel], shards: int) -> None:
        groups, numbers = groups_of(rules)
        lateness = max([rule.lateness for rule in rules], default=0)
        self._linker_group = len(groups)
        self._group_of = {rule.id: number for rule, number in zip(rules, numbers, strict=True)}
        self.watermarks = Watermarks(channels, [*groups, (frozenset(channels), max(lateness, LINKER_LATENESS))])
        self.router = Router(rules, numbers, channels, shards)
        self.linker = Linker()
        self.shards = shards
        self._ranks = {name: channel.rank for name, channel in channels.items()}
        self._remember = max(DEDUP_AT_LEAST, lateness)
        self._seen: dict[str, tuple[int, str]] = {}  # event id -> (arrival, source of the row)
        self._order_of_ids: deque[tuple[int, str]] = deque()
        self._slices = 0
        self._records = 0

    def take(self, cut: Slice) -> Routed:
        """One slice further. Arrivals must not go back in time; the log's one order guarantees it."""
        marks = self.watermarks
        marks.begin()
        items: list[list[Item]] = [[] for _ in range(self.shards)]
        routed = self._routed()
        for arrival in cut.arrivals:
            marks.advance(arrival.arrived_us)
            self._records += 1
            self._admit(arrival, routed, items)
        marks.advance(cut.clock_us)
        return self._finish(routed, items, cut.clock_us, last=False)

    def finish(self) -> Routed:
        """The bounded input has ended: nothing older can follow, so everything up to its last event is judged."""
        marks = self.watermarks
        marks.begin()
        marks.drain()
        items: list[list[Item]] = [[] for _ in range(self.shards)]
        return self._finish(self._routed(), items, marks.now + 1, last=True)

    def _routed(self) -> Routed:
        return Routed(self._slices, [], [], [], [], [], {}, {})

    def _finish(self, routed: Routed, items: list[list[Item]], end: int, last: bool) -> Routed:
        timelines = self.watermarks.timelines(end)[: self._linker_group]
        work = [Work(self._slices, end, timelines, shard, last) for shard in items]
        self._slices += 1
        return routed._replace(work=work)

    def _admit(self, arrival: Arrival, routed: Routed, items: list[list[Item]]) -> None:
        event = arrival.event
        if event.channel not in self._ranks:
            routed.dead.append(_unknown_channel(arrival))
            return
        if self._is_duplicate(arrival, routed):
            return
        occurred = to_us(event.occurred_at)
        if event.action == "heartbeat":
            self.watermarks.heard(event.channel, occurred)
            routed.heartbeats[event.channel] = routed.heartbeats.get(event.channel, 0) + 1
            return
        order: Order = (occurred, self._ranks[event.channel], event.id)
        linked = self.linker.link(order, event, self.watermarks.clock_watermark(self._linker_group))
        joined = _joined(event, linked.decision)
        routed.links.append(_link_row(event, linked.decision, arrival.arrived_us))
        routed.pooled.append(PooledEvent(joined, linked.decision.matter, from_us(arrival.arrived_us), arrival.source))
        for placed, before, after in linked.moves:
            self._move(placed, before, after, arrival, routed, items)
        self.router.route(
            order, joined, linked.decision, arrival.arrived_us, self._records, arrival.produced_us,
            self.watermarks, items, routed.late,
        )  # fmt: skip
        self.watermarks.heard(event.channel, occurred)

    def _move(
        self, placed: Placed, before: Decision, after: Decision, arrival: Arrival, routed: Routed,
        items: list[list[Item]],
    ) -> None:  # fmt: skip
        event = placed.event
        if before.matter != after.matter:
            routed.links.append(_link_row(event, after, arrival.arrived_us, before.matter))
            at, source = self._seen.get(event.id, (arrival.arrived_us, ""))
            routed.pooled.append(PooledEvent(_joined(event, after), after.matter, from_us(at), source))
        self.router.move(
            placed.order, (_joined(event, before), before), (_joined(event, after), after), arrival.arrived_us,
            self._records, arrival.produced_us, self.watermarks, items,
        )  # fmt: skip

    def _is_duplicate(self, arrival: Arrival, routed: Routed) -> bool:
        event = arrival.event
        self._forget_ids(arrival.arrived_us - self._remember)
        known = self._seen.get(event.id)
        if known is None:
            self._seen[event.id] = (arrival.arrived_us, arrival.source)
            self._order_of_ids.append((arrival.arrived_us, event.id))
            return False
        if arrival.source and arrival.source == known[1]:
            routed.fenced[event.channel] = routed.fenced.get(event.channel, 0) + 1
        else:
            routed.dead.append(_duplicate(arrival, known[1]))
        return True

    def _forget_ids(self, before: int) -> None:
        ids = self._order_of_ids
        while ids and ids[0][0] < before:
            self._seen.pop(ids.popleft()[1], None)

    def rule_watermarks(self) -> dict[str, int]:
        """The clock watermark of each rule, by id."""
        return {rule: self.watermarks.clock_watermark(number) for rule, number in self._group_of.items()}

    def snapshot(self) -> bytes:
        """Everything that is kept, as msgpack."""
        kept = [[event_id, *self._seen[event_id]] for _, event_id in self._order_of_ids]
        return msgspec.msgpack.encode(
            [STATE_VERSION, self._slices, self._records, self.watermarks.state(), self.linker.state(), kept]
        )

    def restore(self, snapshot: bytes) -> None:
        """Take back what `snapshot` gave."""
        state: Any = msgspec.msgpack.decode(snapshot)
        if state[0] != STATE_VERSION:
            raise ValueError(f"state must have version {STATE_VERSION}; got {state[0]}; rebuild from the intake log")
        _, self._slices, self._records, marks, linker, kept = state
        self.watermarks.restore(marks)
        self.linker.restore(linker)
        self._seen = {event_id: (at, source) for event_id, at, source in kept}
        self._order_of_ids = deque((at, event_id) for event_id, at, _ in kept)


def _joined(event: Event, decision: Decision) -> Event:
    if event.matter == decision.matter:
        return event
    return msgspec.structs.replace(event, matter=decision.matter)


def _link_row(event: Event, decision: Decision, at: int, previous: str | None = None) -> MatterLink:
    reason: Any = decision.reason
    proposed = reason in ("pair", "household", "reporter")
    return MatterLink(event.id, decision.matter, reason, SCORES[reason], from_us(at), proposed, previous)


def _duplicate(arrival: Arrival, first: str) -> DeadLetter:
    """A second event under an id that is taken. The same row read twice after a crash never comes here."""
    where = f" (first came from {first})" if first else ""
    sentence = f"event `id` must be unique; got `{arrival.event.id}` again{where}"
    return _dead_letter(arrival, "duplicate_id", sentence)


def _unknown_channel(arrival: Arrival) -> DeadLetter:
    """The intake knew the channel and we do not: it was taken out of the register, and the log is older."""
    sentence = f"event `channel` must be registered; got `{arrival.event.channel}`"
    return _dead_letter(arrival, "unknown_channel", sentence)


def _dead_letter(arrival: Arrival, reason: Literal["duplicate_id", "unknown_channel"], sentence: str) -> DeadLetter:
    event = arrival.event
    digest = hashlib.sha256(f"{arrival.source}|{reason}|{event.id}|{arrival.arrived_us}".encode()).hexdigest()
    return DeadLetter(
        id=digest[:32], source=arrival.source, reason=reason, sentence=sentence,
        failed_at=from_us(arrival.arrived_us), channel=event.channel,
    )  # fmt: skip
