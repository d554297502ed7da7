"""Detection's part of the flow: the intake log in; revisions, and rows for the data pool, out.

    log ─► link ─► detect (by shard) ─► publish ─► revisions
              └─────────────────────────────┴────► rows of the pool

Read top to bottom it is the diagram. A step id is part of the saved data: rename one and its state is lost.
The three stages are plain Python in `alerts`; each stateful step holds one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import StatefulBatchLogic

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.detection import Compiler, Shard, Work
from alerts.linking import Linking, Routed
from alerts.model import End, Slice
from alerts.publishing import Publishing
from alerts.rule import Rule
from dataflows.books import Books
from dataflows.past import NO_PAST, Past

Cut = Slice | End


class Detected(NamedTuple):
    """The two streams that leave detection, each by slices of the log in order."""

    drafts: Stream[tuple[str, list[Draft]]]
    routed: Stream[tuple[str, Routed]]


def add_detection(
    flow: Dataflow,
    source: Source[Slice] | Source[Cut],
    rules: Sequence[Rule],
    channels: Mapping[str, Channel],
    shards: int,
    books: Books,
    compiler: Compiler | None = None,
    past: Past = NO_PAST,
) -> Detected:
    """Add detection to a flow; `source` gives slices of the intake log in its one order.

    With a `compiler` the rules change where a rule book stands in the log, warmed with what `past` remembers.
    """

    def _linking() -> Linking:
        return Linking(rules, channels, shards, compiler, past)

    cuts = op.key_on("one-order", op.input("log", flow, cast("Source[Cut]", source)), lambda _: "log")
    routed = op.stateful_batch("link", cuts, lambda kept: _Link(_linking(), past, books, kept))
    work = op.flat_map("to-shards", routed, _by_shard)
    answers = op.stateful_batch("detect", work, lambda kept: _Detect(Shard(rules, compiler), books, kept))
    one_feed = op.map("one-feed", answers, lambda answer: ("feed", answer[1]))
    drafts = op.stateful_batch("publish", one_feed, lambda kept: _Publish(Publishing(shards), kept))
    return Detected(drafts, routed)


def _by_shard(routed: tuple[str, Routed]) -> list[tuple[str, Work]]:
    return [(f"shard-{number:03}", work) for number, work in enumerate(routed[1].work)]


class _Link(StatefulBatchLogic[Cut, Routed, bytes]):
    def __init__(self, stage: Linking, past: Past, books: Books, kept: bytes | None) -> None:
        self._stage = stage
        self._past = past
        self._books = books
        if kept is not None:
            stage.restore(kept)

    def on_batch(self, values: list[Cut]) -> tuple[Iterable[Routed], bool]:
        routed: list[Routed] = []
        for cut in values:
            parts = [self._stage.finish()] if isinstance(cut, End) else self._stage.take(cut)
            for part in parts:
                self._past.remember(part.pooled)
                self._books.enter(part, self._stage)
            routed += parts
        return routed, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Routed], bool]:
        return (), StatefulBatchLogic.RETAIN  # the input stops, the log does not end

    def snapshot(self) -> bytes:
        self._past.snapshot_taken()
        return _timed(self._books, "link", self._stage.snapshot)


class _Detect(StatefulBatchLogic[Work, tuple[int, list[Draft]], bytes]):
    def __init__(self, stage: Shard, books: Books, kept: bytes | None) -> None:
        self._stage = stage
        self._books = books
        if kept is not None:
            stage.restore(kept)

    def on_batch(self, values: list[Work]) -> tuple[Iterable[tuple[int, list[Draft]]], bool]:
        answers = [(work.slice, self._stage.take(work)) for work in values]
        self._books.weigh(self._stage)
        return answers, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[tuple[int, list[Draft]]], bool]:
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        return _timed(self._books, "detect", self._stage.snapshot)


def _timed(books: Books, step: str, snapshot: Callable[[], bytes]) -> bytes:
    began = time.monotonic()
    kept = snapshot()
    books.snapshot_taken(step, began, len(kept))
    return kept


class _Publish(StatefulBatchLogic[tuple[int, list[Draft]], list[Draft], bytes]):
    def __init__(self, stage: Publishing, kept: bytes | None) -> None:
        self._stage = stage
        if kept is not None:
            stage.restore(kept)

    def on_batch(self, values: list[tuple[int, list[Draft]]]) -> tuple[Iterable[list[Draft]], bool]:
        ready: list[Draft] = []
        for cut, drafts in values:
            ready += self._stage.take(cut, drafts)
        return ([ready] if ready else []), StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[list[Draft]], bool]:
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        return self._stage.snapshot()
