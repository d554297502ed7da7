"""Detection's part of the flow: the intake log in; revisions, and rows for the data pool, out.

    log ─► link ─► detect (by shard) ─► publish ─► revisions
              └─────────────────────────────┴────► rows of the pool

Read top to bottom it is the diagram. A step id is part of the saved data: rename one and its state is lost.
The three stages are plain Python in `alerts`; each stateful step holds one of them, and a store keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import StatefulBatchLogic

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.desk.routing_file import NO_ROUTING, RoutingFile
from alerts.detection import Compiler, Shard
from alerts.failing import Failure
from alerts.linking import Linking, Routed
from alerts.model import Acted, End, Slice
from alerts.publishing import NOTHING_PUBLISHED, Answer, Issue, Published, Publishing, RoutingOf, plain_routing
from alerts.rule import Rule
from alerts.work import Work
from dataflows.ahead import Ahead
from dataflows.books import Books
from dataflows.past import NO_PAST, Past
from dataflows.state_store import FORGETFUL, Stage, Store

Cut = Slice | End
Given = TypeVar("Given")
Said = TypeVar("Said")
LOG, FEED = "log", "feed"  # the keys of the steps that have one


class Detected(NamedTuple):
    """The streams that leave detection, each by slices of the log in order."""

    drafts: Stream[tuple[str, list[Draft]]]
    routed: Stream[tuple[str, Routed]]
    failures: Stream[tuple[str, list[Failure]]]  # of rules that raised in a shard
    acted: Stream[tuple[str, list[Acted]]]  # what became of people's actions


def add_detection(
    cuts: Stream[Slice] | Stream[Cut],
    rules: Sequence[Rule],
    channels: Mapping[str, Channel],
    shards: int,
    books: Books,
    compiler: Compiler | None = None,
    past: Past = NO_PAST,
    store: Store = FORGETFUL,
    published: Published = NOTHING_PUBLISHED,
    routing: RoutingFile = NO_ROUTING,
    routing_of: RoutingOf = plain_routing,
) -> Detected:
    """Add detection behind slices of the intake log in its one order.

    With a `compiler` the rules change where a rule book stands in the log, warmed with what `past` remembers.
    State is kept in `store`; without one the flow cannot be resumed. What is `published` is not said again.
    """

    def _link(kept: bytes | None) -> _Link:
        stage = Linking(rules, channels, shards, compiler, past, past.of_matters, routing)
        return _Link(_Kept(store, "link", stage, kept), stage, past, books)

    def _detect(kept: bytes | None) -> _Detect:
        stage = Shard(rules, compiler, shards)
        return _Detect(_Kept(store, "detect", stage, kept), stage, books)

    def _publish(kept: bytes | None) -> _Publish:
        stage = Publishing(shards, published, routing, routing_of)
        return _Publish(_Kept(store, "publish", stage, kept), stage, books)

    one_order = op.key_on("one-order", cuts, lambda _: LOG)
    routed = op.stateful_batch("link", one_order, _link)
    work = op.flat_map("to-shards", routed, _by_shard)
    answers = op.stateful_batch("detect", work, _detect)
    one_feed = op.map("one-feed", answers, lambda keyed: (FEED, keyed[1]))
    issued = op.stateful_batch("publish", one_feed, _publish)
    return Detected(
        op.filter_map("issued-drafts", issued, _drafts),
        routed,
        op.filter_map("failures", answers, _failures),
        op.filter_map("issued-actions", issued, _acted),
    )


def _drafts(keyed: tuple[str, Issue]) -> tuple[str, list[Draft]] | None:
    return (keyed[0], keyed[1].drafts) if keyed[1].drafts else None


def _acted(keyed: tuple[str, Issue]) -> tuple[str, list[Acted]] | None:
    return (keyed[0], keyed[1].acted) if keyed[1].acted else None


def _failures(keyed: tuple[str, Answer]) -> tuple[str, list[Failure]] | None:
    return (keyed[0], list(keyed[1].failures)) if keyed[1].failures else None


def _by_shard(routed: tuple[str, Routed]) -> list[tuple[str, tuple[str, Work]]]:
    keyed = ((f"shard-{number:03}", work) for number, work in enumerate(routed[1].work))
    return [(key, (key, work)) for key, work in keyed]  # a stateful step is not told its key


class _Kept:
    """What a store keeps of one stage, from the first thing on that the stage is given."""

    def __init__(self, store: Store, step: str, stage: Stage, saved: bytes | None) -> None:
        self._store = store
        self._step = step
        self._stage = stage
        self._keeper = None if saved is None else store.resume(saved, stage)
        self._ahead = Ahead(time.monotonic(), store.seconds)

    def begin(self, key: str) -> None:
        """The key of the stage, where it was not known before."""
        if self._keeper is None:
            self._keeper = self._store.begin(self._step, key, self._stage)

    def save_ahead(self, end_us: int) -> None:
        """Some of what changed goes to the disk before the next snapshot; the log is read up to `end_us`."""
        assert self._keeper is not None
        if share := self._ahead.share(time.monotonic(), end_us):
            self._keeper.save_ahead(share)

    def save(self, books: Books) -> bytes:
        """What changed goes to the disk; the engine keeps the pointer."""
        assert self._keeper is not None
        began = time.monotonic()
        self._ahead.saved(began)
        pointer, size = self._keeper.save()
        books.snapshot_taken(self._step, began, size)
        return pointer


class _Step(StatefulBatchLogic[Given, Said, bytes]):
    """What the steps have in common: a store keeps their stage, and their input stops without an end of the log."""

    def __init__(self, kept: _Kept, books: Books) -> None:
        self._kept = kept
        self._books = books

    def on_eof(self) -> tuple[Iterable[Said], bool]:
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        return self._kept.save(self._books)


class _Link(_Step[Cut, Routed]):
    def __init__(self, kept: _Kept, stage: Linking, past: Past, books: Books) -> None:
        super().__init__(kept, books)
        self._stage = stage
        self._past = past

    def on_batch(self, values: list[Cut]) -> tuple[Iterable[Routed], bool]:
        self._kept.begin(LOG)
        routed: list[Routed] = []
        for cut in values:
            parts = [self._stage.finish()] if isinstance(cut, End) else self._stage.take(cut)
            for part in parts:
                self._past.remember(part.joined)
                self._books.enter(part, self._stage)
            routed += parts
        if routed:
            self._kept.save_ahead(routed[-1].work[0].end)
        return routed, StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        self._past.snapshot_taken()
        return super().snapshot()


class _Detect(_Step[tuple[str, Work], Answer]):
    def __init__(self, kept: _Kept, stage: Shard, books: Books) -> None:
        super().__init__(kept, books)
        self._stage = stage

    def on_batch(self, values: list[tuple[str, Work]]) -> tuple[Iterable[Answer], bool]:
        self._kept.begin(values[0][0])
        answers: list[Answer] = []
        for _, work in values:
            drafts = self._stage.take(work)
            answers.append(Answer(work.slice, work.end, drafts, work.said, list(self._stage.failures)))
            self._books.note(self._stage)
        self._books.weigh(self._stage)
        self._kept.save_ahead(values[-1][1].end)
        return answers, StatefulBatchLogic.RETAIN


class _Publish(_Step[Answer, Issue]):
    def __init__(self, kept: _Kept, stage: Publishing, books: Books) -> None:
        super().__init__(kept, books)
        self._stage = stage

    def on_batch(self, values: list[Answer]) -> tuple[Iterable[Issue], bool]:
        self._kept.begin(FEED)
        ready = Issue([], [])
        for answer in values:
            drafts, acted = self._stage.take(answer)
            ready.drafts.extend(drafts)
            ready.acted.extend(acted)
        self._kept.save_ahead(values[-1].end)
        return ([ready] if any(ready) else []), StatefulBatchLogic.RETAIN
