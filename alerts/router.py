"""The router: which rules an event concerns, under which keys, and which of them it is too late for."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from alerts.channel import Channel
from alerts.clock import Watermarks
from alerts.entry import Entry, Key
from alerts.failing import Failure, failure_of
from alerts.groups import Groups
from alerts.joined import in_matter
from alerts.keeping import kept_under, slim, unshown
from alerts.linker_fold import Decision, Order
from alerts.listeners import Listeners
from alerts.model import Event, LateEvent, from_us
from alerts.regrouping import Regrouped
from alerts.rule import Rule
from alerts.work import Item, Rearranged


def shard_of(key: Key, shards: int) -> int:
    """The shard of a key. Part of the saved data: it never changes."""
    return zlib.crc32("\x1f".join(key).encode()) % shards if shards > 1 else 0


Placed = tuple[Key | None, int]  # a key and its shard


class Router:
    """From one linked event to the items of the shards."""

    def __init__(self, rules: Sequence[Rule], groups: Groups, channels: Mapping[str, Channel], shards: int) -> None:
        self.shards = shards
        self._listeners = Listeners(rules, channels)
        self._unshown = unshown(rules)
        self.failures: list[Failure] = []  # since they were last taken away
        self._group = [own[0] for own in groups.of]
        shapes = list(dict.fromkeys(map(_shape, rules)))
        self._ways = [
            (shapes.index(_shape(rule)), own[0], self._whole(rule)) for rule, own in zip(rules, groups.of, strict=True)
        ]

    def route(
        self, order: Order, event: Event, decision: Decision, at: int, number: int, produced: int,
        watermarks: Watermarks, items: list[list[Item | Rearranged]] | list[list[Item | Regrouped]],
        late: list[LateEvent],
    ) -> None:  # fmt: skip
        """Put an event that has just arrived, as part of its matter, under the keys of every rule that selects it."""
        listeners = self._listeners.of(event)
        if not listeners:
            return
        (occurred, rank, name), contact = order, decision.contact
        event = in_matter(event, decision.matter)
        kept: Event | None = None
        keys: dict[int, Placed] = {}  # many rules have the same one
        for rule, role, values in listeners:
            shape, group, whole = self._ways[rule.number]
            try:
                if role is None:
                    role = rule.role_of(event)
                    if not role:
                        continue
                placed = keys.get(shape) or keys.setdefault(shape, self._placed(rule.key_of(event)))
                key, shard = placed
                if key is None:
                    continue
                watermark = watermarks.clock_watermark(group)
                if occurred < watermark:
                    late.append(_late(rule, event, at, watermark))
                    continue
                if whole is not None:
                    values = (key,)
                    key, shard = whole
                elif values is None:
                    values = rule.values(event, role)
            except Exception as error:
                self.failures.append(failure_of(rule, error, at))
                continue
            if kept is None:
                kept = slim(event, self._unshown)
            entry: Entry = (occurred, rank, name, contact, role, values, kept)
            items[shard].append(Item(at, number, rule.number, key, watermark, entry, None, produced))

    def _whole(self, rule: Rule) -> tuple[Key, int] | None:
        """The one key of a rule that is kept whole, with its shard."""
        return (rule.whole_key, shard_of(rule.whole_key, self.shards)) if rule.is_whole else None

    def _placed(self, key: Key | None) -> Placed:
        """A key with its shard."""
        return key, 0 if key is None else shard_of(key, self.shards)

    def move(
        self, order: Order, before: tuple[Event, Decision], after: tuple[Event, Decision], at: int, number: int,
        produced: int, watermarks: Watermarks, items: list[list[Item | Regrouped]],
    ) -> None:  # fmt: skip
        """An earlier event turned out to belong to another matter or contact: take it from one key to the other."""
        for rule, *_ in self._listeners.of(after[0]):
            watermark = watermarks.clock_watermark(self._group[rule.number])
            if order[0] < watermark:
                continue
            try:
                left, key, role, values = _moved(rule, before[0], after[0])
            except Exception as error:
                self.failures.append(failure_of(rule, error, at))
                continue
            if left is not None and left != key:
                shard = shard_of(left, self.shards)
                items[shard].append(Item(at, number, rule.number, left, watermark, None, before[0].id, produced))
            if key is not None:
                entry: Entry = (*order, after[1].contact, role, values, slim(after[0], self._unshown))
                gone = before[0].id if left == key else None
                shard = shard_of(key, self.shards)
                items[shard].append(Item(at, number, rule.number, key, watermark, entry, gone, produced))


def _moved(rule: Rule, old: Event, new: Event) -> tuple[Key | None, Key | None, int, tuple[object, ...]]:
    """The key that an event leaves and the one that it comes to, what it is to the rule there, and what is kept."""
    left = rule.key_of(old) if rule.role_of(old) else None
    if rule.is_whole and left is not None:
        left = rule.whole_key
    role = rule.role_of(new)
    key = rule.key_of(new) if role else None
    if key is None:
        return left, None, role, ()
    key, values = kept_under(rule, new, role, key)
    return left, key, role, values


def _shape(rule: Rule) -> tuple[tuple[str, ...], ...]:
    """The names of the fields that its keys are made of: where they are the same, so are the keys."""
    return tuple(rule.key_names), tuple(rule.spec.key_fallback)


def _late(rule: Rule, event: Event, at: int, watermark: int) -> LateEvent:
    return LateEvent(event.id, rule.id, event.channel, event.occurred_at, from_us(at), from_us(watermark))
