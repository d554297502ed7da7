"""Replay: files through the same flow as production, without servers, as fast as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.linking import Routed
from alerts.model import Arrival, Revision
from alerts.rule import Rule
from connectors.address import Where
from connectors.clickhouse import PoolSink
from connectors.clickhouse_writer import Pace
from connectors.metrics import Metrics
from dataflows.books import Books
from dataflows.collect import ListSink
from dataflows.detect import add_detection
from dataflows.memory import HARDLY, calm_collector
from dataflows.replay_source import ReplaySource
from dataflows.run import log_rows

SHARDS = 8
NEVER = timedelta(days=365)  # a bounded run needs no snapshots; the engine takes them even if nobody keeps them
AT_THE_END = Pace(refresh_seconds=1e9)  # aggregates of the past are recounted once, when everything is there


class Replayed:
    """What came of a replay: the books, every draft in order, and the events with their matters."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()  # by channel
        self.late: Counter[str] = Counter()  # by rule
        self.duplicates: list[Any] = []
        self.drafts: list[Draft] = []
        self.event_lines: list[bytes] = []

    def alerts(self) -> list[dict[str, Any]]:
        """The last word on every alert, sorted by rule, key and episode; `evidence_ids` are all of them."""
        final: dict[str, Draft] = {}
        for draft in self.drafts:
            final[draft.revision.alert_id] = draft
        rows = [_row(draft) for draft in final.values()]
        return sorted(rows, key=lambda row: (row["rule"], _canonical(row["key"]), row["episode"]))

    def revisions(self) -> list[Revision]:
        """Every revision in the order of the feed."""
        return [draft.revision for draft in self.drafts if not draft.standing]


def replay(
    found: Iterator[Arrival],
    rules: Sequence[Rule],
    channels: Mapping[str, Channel],
    *,
    workers: int = 1,
    addresses: Sequence[str] = (),
    process: int = 0,
    keep_events: bool = False,
    pool_dsn: Where = "",
    metrics: Metrics | None = None,
) -> Replayed:
    """Run arrivals through detection. With `pool_dsn` the data pool is filled as well.

    With `addresses` (`host:port`) this is process number `process` of as many; each must be given the same arrivals,
    one of them reads them, and one, perhaps another, has the drafts in the end.
    """
    replayed = Replayed()
    routed: list[Routed] = []
    drafts: list[list[Draft]] = []
    metrics = metrics or Metrics()
    flow = Dataflow("replay")
    detected = add_detection(op.input("log", flow, ReplaySource(found)), rules, channels, SHARDS, Books(metrics))
    entered = op.map("enter", detected.routed, _enter(replayed, keep_events))
    op.output("routed", entered, ListSink(routed))
    op.output("drafts", detected.drafts, ListSink(drafts))
    if pool_dsn:
        rows = op.merge(
            "pool-rows",
            op.filter_map("log-rows", detected.routed, log_rows),
            op.map("revision-rows", detected.drafts, _revision_rows),
        )
        op.output("pool", rows, PoolSink(pool_dsn, metrics, pace=AT_THE_END))
    with calm_collector(HARDLY):
        cli_main(
            flow,
            workers_per_process=workers,
            process_id=process if addresses else None,
            addresses=list(addresses) or None,
            epoch_interval=NEVER,
        )
    replayed.drafts = [_replayed(draft) for part in drafts for draft in part]
    return replayed


def _enter(replayed: Replayed, keep_events: bool) -> Callable[[tuple[str, Routed]], tuple[str, None]]:
    encode = msgspec.json.Encoder().encode

    def enter(keyed: tuple[str, Routed]) -> tuple[str, None]:
        routed = keyed[1]
        replayed.events.update([each.event.channel for each in routed.joined if each.previous is None])
        replayed.events.update(routed.heartbeats)
        replayed.late.update(late.rule for late in routed.late)
        replayed.duplicates += routed.dead
        if keep_events:
            replayed.event_lines += [
                encode(msgspec.structs.replace(p.event, arrived_at=p.arrived_at)) for p in routed.pooled
            ]
        return keyed[0], None

    return enter


def _revision_rows(keyed: tuple[str, list[Draft]]) -> tuple[str, list[Any]]:
    return "pool", [_replayed(draft).revision for draft in keyed[1] if not draft.standing]


def _replayed(draft: Draft) -> Draft:
    if draft.revision.origin == "shadow":
        return draft
    return msgspec.structs.replace(draft, revision=msgspec.structs.replace(draft.revision, origin="replay"))


def _row(draft: Draft) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(draft.revision)
    del row["evidence"]
    row["evidence_ids"] = sorted(draft.evidence_ids)
    return row


def _canonical(key: dict[str, str]) -> bytes:
    return msgspec.json.encode(key, order="sorted")


def write_lines(path: Path | str, rows: Iterable[Any]) -> None:
    """JSON lines."""
    with Path(path).open("wb") as out:
        for row in rows:
            out.write(row if isinstance(row, bytes) else msgspec.json.encode(row))
            out.write(b"\n")
