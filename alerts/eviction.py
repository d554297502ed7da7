"""Which keys a rule forgets when it has more of them than its file allows (semantics 11).

What is forgotten is what says least: keys with one event, the oldest of them first. A key that has ever had an alert
is never forgotten, since its episodes are numbered; nor is a chain of a rule that is there to save lives, once it has
begun. Obligations are owed, whatever else comes, and rules that are kept whole have no keys to forget: they grow, and
say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from heapq import nsmallest
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw

from alerts.entry import SELECTED, Key
from alerts.kept import GONE
from alerts.model import NEVER
from alerts.shelf import Shelf
from alerts.subject import Subject
from alerts.track import Track

if TYPE_CHECKING:
    from alerts.rule import Rule

PART = 8  # one part of so many goes at a time, so that looking through all keys is paid for by many new ones
ONE_OFF = 1  # a key with no more events than this has not begun a chain


class Eviction(NamedTuple):
    """A rule had reached its cap: how many keys went, and how many were left over the cap."""

    rule: str
    keys: int
    over: int


# of a key, without reading all of it: how many of its events count, the event time of the newest, and the key
_Glance = tuple[int, int, Key]


class Caps:
    """How many keys each rule of one shard may keep."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self.waits: dict[int, int] = {}  # by number of the rule: keys that must come before it is looked through again

    def cap(self, rule: Rule) -> int:
        """How many keys of a rule one shard may keep."""
        return -(-rule.max_keys // self._shards)

    def surplus(self, rule: Rule, kept: int, came: int = 1) -> int:
        """How many keys must go, now that `came` have come and `kept` are there; 0 for none."""
        cap = self.cap(rule)
        if kept <= cap or rule.is_whole:
            return 0
        wait = self.waits.get(rule.number, 0) - came
        if wait > 0:
            self.waits[rule.number] = wait
            return 0
        return kept - cap + _part(cap)

    def evicted(self, rule: Rule, surplus: int, gone: int, kept: int) -> Eviction:
        """So many have gone. Where fewer could go than had to, it waits until there can be more."""
        cap = self.cap(rule)
        self.waits.pop(rule.number, None)
        if gone < surplus:
            self.waits[rule.number] = _part(cap)
        return Eviction(rule.id, gone, max(kept - cap, 0))


def to_evict(rule: Rule, subjects: Shelf[Subject], spoken: Collection[Key], surplus: int) -> list[Key]:
    """The keys that go, `surplus` at most: those that say least. `spoken` are keys with alerts.

    No more than half of those that might go do: where chains take all the room, a key that has just come would
    otherwise go at once, and no chain could begin any more.
    """
    if rule.plan is not None:
        return []
    has_alerts = len(spoken) > 0  # of most rules nothing has: no key needs to be looked up
    most = ONE_OFF if rule.spec.purpose == "life-safety" else None
    found = [
        each
        for each in _silent(subjects)
        if (most is None or each[0] <= most) and not (has_alerts and each[2] in spoken)
    ]
    return [key for *_, key in nsmallest(min(surplus, len(found) // 2), found)]


def _part(cap: int) -> int:
    return max(cap // PART, 1)


def _silent(subjects: Shelf[Subject]) -> Iterator[_Glance]:
    """All keys that have no alert and never had one; one that sleeps is not woken."""
    for key, subject in subjects.awake.items():
        if isinstance(subject, Track) and not subject.settled.number:
            entries = subject.entries
            if len(entries) == 1:
                (entry,) = entries
                yield entry[4] & SELECTED, entry[0], key
            else:
                yield _weight(entries), _last(entries), key
    for key, asleep in subjects.asleep.items():
        (_, saved, _, _, settled), pieces = _SAVED.decode(asleep.state)
        if settled == GONE:
            if pieces:
                saved = sorted(saved + [entry for _, piece in pieces for entry in piece], key=itemgetter(0))
            yield _weight(saved), _last(saved), key


def _weight(entries: Sequence[Any]) -> int:
    return sum([entry[4] & SELECTED for entry in entries])


def _last(entries: Sequence[Any]) -> int:
    last: int = entries[-1][0] if entries else NEVER
    return last


_Entries = list[tuple[int, Raw, Raw, Raw, int, Raw, Raw]]
_SAVED = msgspec.msgpack.Decoder(  # what `Track.state` gives
    tuple[tuple[Raw, _Entries, Raw, Raw, Raw], list[tuple[Raw, _Entries]]]
)
