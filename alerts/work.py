"""What linking hands to a shard: the events of one slice of the log on their way to their keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from alerts.desk.said import Said
from alerts.entry import Entry, Key
from alerts.regrouping import Regrouped
from alerts.rule_book import Turn
from alerts.timers import AnyTimeline
from alerts.turning import Past


class Item(Struct, frozen=True, gc=False):
    """One event on its way to one key of one rule.

    `at` is its arrival, `number` its place in the log, `watermark` the rule's `Wc` when it arrived. The number is
    0 where no record brought it but the clock: that comes after every record of its instant, as timers do.
    The event `gone` leaves the key: it turned out to belong elsewhere, or, with an entry, to be another contact.
    """

    at: int
    number: int
    rule: int
    key: Key
    watermark: int
    entry: Entry | None
    gone: str | None = None
    produced_us: int = 0


class Rearranged(NamedTuple):
    """Everything that one record brings to a shard, where it moves events from key to key.

    It may touch a key more than once; what stands between one of its items and the next is not looked at.
    """

    at: int
    items: Sequence[Item | Regrouped]


class Work(NamedTuple):
    """What one slice of the log means for one shard. `timelines` by group of rules."""

    slice: int
    end: int
    timelines: Sequence[AnyTimeline]
    items: Sequence[Item | Rearranged]
    last: bool = False  # the input is bounded and ends here
    turn: Turn | None = None  # the rule book becomes another before the items
    warm: Sequence[Past] = ()  # events of the past for the rules that are new by it
    watermarks: Sequence[int] = ()  # `Wc` of each rule at the turn
    said: Sequence[Said] = ()  # for the desk; it goes with the first shard's answer
