"""What must hold when everything was sent and everything is drained: nothing lost, nothing doubled, the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import NamedTuple

import msgspec

from alerts.desk.routing import Routing
from alerts.digest import Said, digest, said
from alerts.duration import DAY_US
from alerts.model import Arrival, Book, Event, ReadUp, Revision, Slice, to_us
from alerts.pipeline import Pipeline
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool
from connectors.kafka import LogSource
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.digest_sources import of_pool
from dataflows.log_replay import replay_log

EVER = (0, 1 << 61)
END_US = 400 * DAY_US  # longer than anything waits

Place = tuple[str, int]  # alert, revision


class Difference(NamedTuple):
    """What a place holds against what a replay of the log says."""

    lost: list[str]  # said by the log and not there
    other: list[str]  # there, and said differently or not at all by the log
    doubled: int  # there more than once

    @property
    def is_none(self) -> bool:
        """Whether the place holds exactly what the log says."""
        return not (self.lost or self.other or self.doubled)


class Truth:
    """What a plain replay of the intake log says, with the rules that the log holds."""

    def __init__(self, bootstrap: str) -> None:
        channels = load_channels()
        rules = load_rules([RULES_FOLDER], channels)
        self.revisions = list(replay_log(bootstrap, rules, channels, load_calendars(), EVER[1]))
        self.said = list(map(said, self.revisions))
        self.seqs = {(each.alert_id, each.revision): each.feed_seq for each in self.revisions}

    def until(self, clock_us: int, told_only: bool) -> set[Place]:
        """What must be out once the flow has passed this instant of the log."""
        return {
            (each.alert_id, each.revision)
            for each in self.said
            if each.detected_us <= clock_us and (each.audience == "told" or not told_only)
        }

    def differs(self, found: Sequence[Said], must: set[Place]) -> Difference:
        """Compare: all of `must` has to be there; whatever is there has to be what the log says."""
        known = {(each.alert_id, each.revision): each for each in self.said}
        there = Counter((each.alert_id, each.revision) for each in found)
        other = [each for each in found if _content(known.get((each.alert_id, each.revision))) != _content(each)]
        lost = [known[place] for place in sorted(must - there.keys())]
        return Difference(_told(lost), _told(other), sum(count - 1 for count in there.values()))


def _content(each: Said | None) -> tuple[str, str] | None:
    return None if each is None else (each.content_hash, each.audience)


def _told(found: Iterable[Said]) -> list[str]:
    return [f"{each.rule} {each.alert_id} revision {each.revision}" for each in found]


def said_by(revisions: Iterable[Revision]) -> list[Said]:
    """As much of each as is compared."""
    return list(map(said, revisions))


class PoolFound(NamedTuple):
    """What the pool holds at the end."""

    said: list[Said]
    events: Counter[str]
    differing_cells: int
    dead: int


def of_the_pool(dsn: str) -> PoolFound:
    """Ask the pool for everything that is checked."""
    with Pool(dsn) as pool:
        ids = Counter(str(row["id"]) for row in pool.rows("SELECT id FROM events FINAL"))
        dead = int(pool.rows("SELECT count() AS n FROM dead_letters FINAL")[0]["n"])
        cells = len(pool.recount_check())
    return PoolFound(of_pool(dsn, EVER), ids, cells, dead)


class WeakDifference(NamedTuple):
    """The alerts of the run and of an undisturbed one, as far as they must be the same."""

    alerts: int
    differing: list[str]
    digests_equal: bool


def weak(sent: Sequence[Event], bootstrap: str) -> WeakDifference:
    """Whether the log of the run leads to what a run without any fault makes of the same input, in the end.

    In the end: the clock goes on until everything is judged and every alert is closed, for while an alert is open
    its evidence may wait to be told, and what has been told by then depends on the order of arrival.
    """
    one, other = (list(map(said, _to_the_end(cuts))) for cuts in (_as_sent(sent), _as_logged(bootstrap)))
    ideal, real = _standing(one), _standing(other)
    differing = [
        f"{' '.join(map(str, place))}: undisturbed {ideal.get(place)}, here {real.get(place)}"
        for place in sorted(ideal.keys() | real.keys())
        if ideal.get(place) != real.get(place)
    ]
    return WeakDifference(len(ideal), differing, digest(one).weak == digest(other).weak)


def _standing(found: Iterable[Said]) -> dict[tuple[str, str, int], tuple[str, str]]:
    last = {each.alert_id: each for each in sorted(found, key=lambda each: each.revision)}
    return {
        (each.rule, msgspec.json.encode(each.key, order="sorted").decode(), each.episode): (
            each.level_max,
            each.evidence_digest[:12],
        )
        for each in last.values()
        if each.state not in ("retracted", "merged") and each.kind != "silence"
    }


def _to_the_end(cuts: Iterable[Slice]) -> Iterator[Revision]:
    channels = load_channels()
    routing_of = partial(Routing, calendars=load_calendars())
    pipeline = Pipeline(load_rules([RULES_FOLDER], channels), channels, routing_of=routing_of)
    clock_us = 0
    for cut in cuts:
        clock_us = cut.clock_us
        yield from (draft.revision for draft in pipeline.take(cut)[1] if not draft.standing)
    yield from (draft.revision for draft in pipeline.take(Slice(clock_us + END_US, []))[1] if not draft.standing)


def _as_sent(sent: Sequence[Event]) -> Iterator[Slice]:
    """Every event arrives when it is sent, and the clock moves meanwhile."""
    assert sent[0].arrived_at is not None
    last_us = to_us(sent[0].arrived_at) - 1
    yield Slice(last_us, [ReadUp(last_us, tuple(sorted(load_channels())))])
    for event in sent:
        assert event.arrived_at is not None
        last_us = max(to_us(event.arrived_at), last_us + 1)
        yield Slice(last_us, [Arrival(event, last_us)])


def _as_logged(bootstrap: str) -> Iterator[Slice]:
    """The log in its one order, to where it ends now; the rules in it are those that everybody has here."""
    source = LogSource(bootstrap, until_end=True)
    with closing(source.build_part("faults", "log", None)) as part, suppress(StopIteration):
        while True:
            for cut in part.next_batch():
                yield Slice(cut.clock_us, [each for each in cut.arrivals if not isinstance(each, Book)])
