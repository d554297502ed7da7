"""The intake log of an installation, run again from its beginning through the plain stages, without the engine.

The rules are those that the log holds: the first rule book in it, and every later one from its place on. A rule that
is new is warmed with the events that arrived before it, as the pool knew them then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

import msgspec

from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.desk.routing import Routing
from alerts.desk.routing_file import NO_ROUTING, RoutingFile, read_routing
from alerts.linking import Routed
from alerts.model import Acted, Book, Event, PooledEvent, Revision, RuleGap, Slice, to_us
from alerts.pipeline import Pipeline
from alerts.rejoining import MatterHistory, no_matters
from alerts.rule import Rule
from alerts.rule_book import RuleBook, turn
from alerts.rule_file import RuleFile
from alerts.warming import History
from connectors.address import Where
from connectors.kafka import INTAKE_LOG, LogSource, read_all
from connectors.kafka_reader import BATCH
from connectors.log_order import LogPosition
from connectors.log_record import decode

Seen = Callable[[int, int], None]  # (clock of the log in microseconds, records since the last call)


class Remembered:
    """The events of a log as the pool knew them at each moment: what a rule that begins is warmed with."""

    def __init__(self) -> None:
        self._events: dict[str, tuple[int, Event]] = {}

    def take(self, pooled: Sequence[PooledEvent]) -> None:
        """Events on their way to the pool; one that comes again, in another matter, replaces itself."""
        self._events.update((each.event.id, (to_us(each.arrived_at), each.event)) for each in pooled)

    def __call__(self, channels: frozenset[str], since: int, before: int) -> Iterable[Event]:
        """The events of some channels that happened from `since` on and arrived before `before` (microseconds)."""
        return [
            event
            for arrived_us, event in self._events.values()
            if arrived_us < before and event.channel in channels and to_us(event.occurred_at) >= since
        ]


class Step(NamedTuple):
    """What one slice of the log gives."""

    clock_us: int
    records: int
    routed: Routed
    revisions: list[Revision]  # in the order of the feed
    acted: list[Acted]
    gaps: list[RuleGap]  # of rules that raised in a shard


class Standing(NamedTuple):
    """What an installation has beside its log: what the stages of a replay are made with."""

    rules: Sequence[Rule]  # where the log holds no book
    channels: Mapping[str, Channel]
    calendars: Mapping[str, Calendar]
    history: History
    matters: MatterHistory = no_matters


def replay_log(
    bootstrap: Where,
    rules: Sequence[Rule],
    channels: Mapping[str, Channel],
    calendars: Mapping[str, Calendar],
    until_us: int,
    seen: Seen = lambda at_us, count: None,
    topic: str = INTAKE_LOG,
    batch: int = BATCH,
) -> Iterator[Revision]:
    """Every revision that the log gives up to `until_us`, or to where it ends now; `rules` if it holds no book."""
    books = list(_books(bootstrap, topic))
    past = Remembered()
    pipeline = _pipeline(books[0] if books else None, Standing(rules, channels, calendars, past))
    for step in steps(bootstrap, pipeline, topic, batch):
        if len(books) > 1:  # only then can a rule begin later
            past.take(step.routed.pooled)
        yield from step.revisions
        seen(step.clock_us, step.records)
        if step.clock_us > until_us:
            break


def pipeline_of_log(bootstrap: Where, stands: Standing) -> Pipeline:
    """The stages as they stood when the log began, with its first rule book."""
    return _pipeline(next(_books(bootstrap, INTAKE_LOG), None), stands)


def pipeline_of_state(frames: Sequence[bytes], stands: Standing) -> Pipeline:
    """The stages as they stood when they were saved: a frame of the linker, of each shard, of what publishes."""
    pipeline = _pipeline(None, stands, len(frames) - 2)
    pipeline.restore(frames)
    return pipeline


def _pipeline(first: Book | None, stands: Standing, shards: int = 1) -> Pipeline:
    compiler = partial(RuleBook.compiled, channels=stands.channels, calendars=stands.calendars)
    rules, routing = stands.rules, NO_ROUTING
    if first is not None:
        book, routing = _as_first(first)
        rules = compiler(book)
    routing_of = partial(Routing, calendars=stands.calendars)
    return Pipeline(rules, stands.channels, shards, compiler, stands.history, routing, routing_of, stands.matters)


def steps(
    bootstrap: Where, pipeline: Pipeline, topic: str = INTAKE_LOG, batch: int = BATCH, since: LogPosition | None = None
) -> Iterator[Step]:
    """What the stages say of the log, slice by slice, from a place in it on to where it ends now."""
    for cut in _slices(bootstrap, topic, batch, since):
        routed, drafts = pipeline.take(cut)
        revisions = [draft.revision for draft in drafts if not draft.standing]
        yield Step(cut.clock_us, len(cut.arrivals), routed, revisions, pipeline.acted, pipeline.gaps)
        pipeline.acted, pipeline.gaps = [], []


def _books(bootstrap: Where, topic: str) -> Iterator[Book]:
    """The rule books of a log; the intake writes them into its first partition."""
    for record in read_all(bootstrap, {(topic, 0): -1}):
        if record.value.startswith(b'{"type":"book",'):
            found = decode(record.value, record.headers, record.source)[1]
            assert isinstance(found, Book)
            yield found


class FirstBook(NamedTuple):
    """What a log begins with."""

    rules: RuleBook
    routing: RoutingFile


def first_book(bootstrap: Where, topic: str) -> FirstBook | None:
    """The rules and the routing that a log begins with; None where it holds no book."""
    found = next(_books(bootstrap, topic), None)
    return None if found is None else _as_first(found)


def _as_first(book: Book) -> FirstBook:
    wanted = [msgspec.convert(rule, RuleFile) for rule in book.rules]
    rules = turn(RuleBook(()), wanted, book.arrived_us, 0).book
    return FirstBook(rules, read_routing(book.routing) if book.routing else NO_ROUTING)


def _slices(bootstrap: Where, topic: str, batch: int, since: LogPosition | None) -> Iterator[Slice]:
    """The log in its one order, to where it ends now."""
    source = LogSource(bootstrap, topic, until_end=True, batch=batch)
    with closing(source.build_part("replay", "log", since)) as part:
        while True:
            try:
                yield from part.next_batch()
            except StopIteration:
                return
