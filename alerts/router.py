"""The router: which rules an event concerns, under which keys, and which of them it is too late for."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import msgspec

from alerts.channel import Channel
from alerts.clock import Group, Watermarks
from alerts.detection import Item
from alerts.entry import RESETS, SELECTED, Entry
from alerts.linker import Decision, Order
from alerts.model import Event, LateEvent, from_us
from alerts.rule import Key, Rule


def groups_of(rules: Sequence[Rule]) -> tuple[list[Group], list[int]]:
    """The different (channels, lateness) of some rules, and for each rule the number of its own."""
    groups: list[Group] = []
    numbers = []
    for place, rule in enumerate(rules):
        if rule.number != place:
            raise ValueError(f"rule `{rule.id}` must have its place as its number; got {rule.number} at {place}")
        if rule.group not in groups:
            groups.append(rule.group)
        numbers.append(groups.index(rule.group))
    return groups, numbers


def shard_of(key: Key, shards: int) -> int:
    """The shard of a key. Part of the saved data: it never changes."""
    return zlib.crc32("\x1f".join(key).encode()) % shards


class Router:
    """From one linked event to the items of the shards."""

    def __init__(
        self, rules: Sequence[Rule], numbers: Sequence[int], channels: Mapping[str, Channel], shards: int
    ) -> None:
        self.shards = shards
        self._group = numbers
        self._listening = {name: [rule for rule in rules if name in rule.channels] for name in channels}

    def route(
        self, order: Order, event: Event, decision: Decision, at: int, number: int, produced: int,
        watermarks: Watermarks, items: list[list[Item]], late: list[LateEvent],
    ) -> None:  # fmt: skip
        """Put an event that has just arrived under the keys of every rule that selects it."""
        slim: Event | None = None
        for rule in self._listening[event.channel]:
            role = _role(rule, event)
            if not role:
                continue
            key = rule.key_of(event)
            if key is None:
                continue
            watermark = watermarks.clock_watermark(self._group[rule.number])
            if order[0] < watermark:
                late.append(_late(rule, event, at, watermark))
                continue
            slim = slim or _slim(event)
            values = rule.judge.values(event) if role & SELECTED else ()
            entry: Entry = (*order, decision.contact, role, values, slim)
            items[shard_of(key, self.shards)].append(
                Item(at, number, rule.number, key, watermark, entry, None, produced)
            )

    def move(
        self, order: Order, before: tuple[Event, Decision], after: tuple[Event, Decision], at: int, number: int,
        produced: int, watermarks: Watermarks, items: list[list[Item]],
    ) -> None:  # fmt: skip
        """An earlier event turned out to belong to another matter or contact: take it from one key to the other."""
        old, new = before[0], after[0]
        for rule in self._listening[new.channel]:
            watermark = watermarks.clock_watermark(self._group[rule.number])
            if order[0] < watermark:
                continue
            left = rule.key_of(old) if _role(rule, old) else None
            role = _role(rule, new)
            key = rule.key_of(new) if role else None
            if left is not None and left != key:
                shard = shard_of(left, self.shards)
                items[shard].append(Item(at, number, rule.number, left, watermark, None, old.id, produced))
            if key is not None:
                values = rule.judge.values(new) if role & SELECTED else ()
                entry: Entry = (*order, after[1].contact, role, values, _slim(new))
                gone = old.id if left == key else None
                shard = shard_of(key, self.shards)
                items[shard].append(Item(at, number, rule.number, key, watermark, entry, gone, produced))


def _role(rule: Rule, event: Event) -> int:
    role = SELECTED if rule.selects(event) else 0
    if rule.resets is not None and rule.resets(event):
        role |= RESETS
    return role


def _slim(event: Event) -> Event:
    """What detection keeps of an event: everything but people's words and the exact spot."""
    if event.text is None and event.lat is None:
        return event
    return msgspec.structs.replace(event, text=None, lat=None, lon=None)


def _late(rule: Rule, event: Event, at: int, watermark: int) -> LateEvent:
    return LateEvent(event.id, rule.id, event.channel, event.occurred_at, from_us(at), from_us(watermark))
