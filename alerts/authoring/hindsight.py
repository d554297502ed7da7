"""Hindsight: what a run over history leaves behind for those who ask afterwards: why, why not, and how near.

It is filled from what the stages hand to each other (what was pooled, linked, late, sent to which key, published),
so it knows nothing of how they keep their state, and it forgets nothing that they forget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.entry import Entry, Key
from alerts.linking import Routed
from alerts.model import NEVER, Arrival, Event, LateEvent, MatterLink, PooledEvent, Revision, Slice
from alerts.pipeline import Pipeline, in_slices
from alerts.regrouping import Regrouped
from alerts.rule import Rule
from alerts.work import Item, Rearranged

OPEN = ("open", "acked")


class Hindsight:
    """Every event, where it went, and every revision, of one run over some history."""

    def __init__(self, rules: Sequence[Rule], channels: Mapping[str, Channel]) -> None:
        self.rules = rules
        self.channels = channels
        self.now = NEVER  # the clock at the end of the run
        self.pooled: dict[str, PooledEvent] = {}  # by event id, in the matter it was last joined to
        self.links: dict[str, MatterLink] = {}
        self.again: dict[str, list[int]] = {}  # event id -> when it was delivered again
        self.late: dict[tuple[str, str], LateEvent] = {}  # (rule, event id)
        self.drafts: dict[str, list[Draft]] = {}  # by alert id, revisions and standing ones in order
        self._entries: dict[tuple[int, Key], dict[str, Entry]] = {}
        self._alerts: dict[tuple[str, frozenset[tuple[str, str]]], list[str]] = {}

    def take(self, cut: Slice, routed: Routed, drafts: Iterable[Draft]) -> None:
        """What one slice of the log became."""
        self.now = max(self.now, cut.clock_us)
        self._take_repeats(each for each in cut.arrivals if isinstance(each, Arrival))
        for pooled in routed.pooled:
            self.pooled[pooled.event.id] = pooled
        for link in routed.links:
            self.links[link.event_id] = link
        for late in routed.late:
            self.late[late.rule, late.event_id] = late
        for work in routed.work:
            for each in work.items:
                for item in each.items if isinstance(each, Rearranged) else (each,):
                    self._keep(item)
        for draft in drafts:
            self._publish(draft)

    def _keep(self, item: Item | Regrouped) -> None:
        kept = self._entries.setdefault((item.rule, item.key), {})
        if isinstance(item, Regrouped):
            gone, came = item.gone, item.came
        else:
            gone = frozenset(() if item.gone is None else (item.gone,))
            came = () if item.entry is None else (item.entry,)
        for name in gone:
            kept.pop(name, None)
        kept.update({entry[2]: entry for entry in came})

    def counted_keys(self) -> Iterator[tuple[Rule, Key]]:
        """Every key that an event was counted under, with its rule; not of rules that are kept whole."""
        for (number, key), kept in self._entries.items():
            if kept and not self.rules[number].is_whole:
                yield self.rules[number], key

    def entries(self, rule: Rule, key: Key) -> list[Entry]:
        """Everything that was counted under a key, in its order, each with the whole event."""
        if not rule.is_whole:
            return self._in_order(self._entries.get((rule.number, key), {}).values())
        own = (kept for (number, _), kept in self._entries.items() if number == rule.number)
        entries = self._in_order(entry for kept in own for entry in kept.values())
        return [entry for entry in entries if rule.key_of(entry[6]) == key]

    def newest(self, rule: Rule, key: Key) -> int:
        """The event time of the newest event under a key; NEVER where there is none."""
        kept = self._entries.get((rule.number, key), {})
        return max((entry[0] for entry in kept.values()), default=NEVER)

    def alerts(self, rule: Rule, key: Key) -> list[str]:
        """The ids of the alerts of a key, oldest first."""
        return self._alerts.get(_subject(rule.id, rule.key_map(key)), [])

    def last(self, alert_id: str) -> Revision:
        """The last revision of an alert."""
        return self.revisions(alert_id)[-1]

    def revisions(self, alert_id: str) -> list[Revision]:
        """Every revision of an alert."""
        return [draft.revision for draft in self.drafts[alert_id] if not draft.standing]

    def evidence_of(self, event_id: str) -> list[str]:
        """The ids of the alerts that stand on an event."""
        return [alert_id for alert_id, drafts in self.drafts.items() if event_id in drafts[-1].evidence_ids]

    def event(self, event_id: str) -> Event:
        """The event as it was joined at last."""
        return self.pooled[event_id].event

    def _in_order(self, kept: Iterable[Entry]) -> list[Entry]:
        return [(*entry[:6], self.pooled[entry[2]].event) for entry in sorted(kept)]

    def _publish(self, draft: Draft) -> None:
        revision = draft.revision
        known = self.drafts.setdefault(revision.alert_id, [])
        if not known:
            self._alerts.setdefault(_subject(revision.rule, revision.key), []).append(revision.alert_id)
        known.append(draft)

    def _take_repeats(self, arrivals: Iterable[Arrival]) -> None:
        seen: set[str] = set()
        for arrival in arrivals:
            name = arrival.event.id
            if name in self.pooled or name in seen:
                self.again.setdefault(name, []).append(arrival.arrived_us)
            seen.add(name)


def look_back(
    rules: Sequence[Rule], channels: Mapping[str, Channel], arrivals: Iterable[Arrival], until: int | None = None
) -> Hindsight:
    """Run a history in order of arrival through the stages and remember everything.

    With `until`, a clock instant, the answer is what was known then; without it the bounded input ends, as in a
    replay, and everything up to its last event is judged.
    """
    pipeline = Pipeline(rules, channels)
    hindsight = Hindsight(rules, channels)
    stream = iter(arrivals)
    if until is not None:
        stream = takewhile(lambda arrival: arrival.arrived_us <= until, stream)
    for cut in in_slices(stream):
        hindsight.take(cut, *pipeline.take(cut))
    if until is None:
        hindsight.take(Slice(NEVER, []), *pipeline.finish())
    elif hindsight.now > NEVER:
        hindsight.take(Slice(until, []), *pipeline.take(Slice(until + 1, [])))
    return hindsight


def _subject(rule_id: str, key: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    return rule_id, frozenset(key.items())
