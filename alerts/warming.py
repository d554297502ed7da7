"""What a rule that is new is warmed with: the events of the past that concern it, shard by shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from alerts.failing import Failure, failure_of
from alerts.keeping import kept_entry
from alerts.linker_fold import contact_of, order_of
from alerts.model import Event
from alerts.router import shard_of
from alerts.rule import Rule
from alerts.rule_book import Turn
from alerts.turning import Past

# what some channels said from an event time on, as far as it arrived before a clock instant; joined to its matters
History = Callable[[frozenset[str], int, int], Iterable[Event]]


class Warmth(NamedTuple):
    """A rule book that begins: `Wc` of each of its rules, and for each shard the past of those that are new."""

    turn: Turn
    watermarks: list[int]
    past: list[list[Past]]


def no_history(channels: frozenset[str], since: int, before: int) -> Iterable[Event]:
    """Nothing is known of the past: a rule that is new begins empty."""
    return ()


def past_of(
    turning: Turn,
    rules: Sequence[Rule],
    newest: Iterable[Event],
    history: History,
    ranks: Mapping[str, int],
    shards: int,
    failures: list[Failure],
) -> list[list[Past]]:
    """For each shard the events that concern the rules which begin with a book.

    `newest` are events that arrived before the book and may not be in the history yet; they win over it. An event
    that a rule cannot look at is none for it, and noted in `failures`.
    """
    warm: list[list[Past]] = [[] for _ in range(shards)]
    fresh = [rule for rule in rules if turning.changes.get(rule.id) in ("new", "structure") and rule.memory]
    if not fresh:
        return warm
    channels = frozenset[str]().union(*(rule.channels for rule in fresh))
    since = turning.at - max(rule.memory for rule in fresh)
    events = {event.id: event for event in history(channels, since, turning.at)}
    events.update({event.id: event for event in newest if event.channel in channels})
    contacts: dict[str, str] = {}
    orders = ((order_of(event, ranks), event) for event in events.values())
    for order, event in sorted(orders, key=lambda found: found[0]):
        contact = contact_of(event, contacts)
        for rule in fresh:
            if order[0] < turning.at - rule.memory:
                continue
            try:
                kept = kept_entry(rule, order, event, contact)
            except Exception as error:
                failures.append(failure_of(rule, error, turning.at))
                continue
            if kept is not None:
                warm[shard_of(kept[0], shards)].append((rule.number, *kept))
    return warm
