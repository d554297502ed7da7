"""The production flow: intake and detection in one process, with recovery, metrics, HTTP and an orderly stop."""

from __future__ import annotations

import contextlib
import heapq
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource
from bytewax.operators import KeyedStream
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from alerts.alert import Draft
from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.desk.routing import Routing
from alerts.desk.routing_file import RoutingFile
from alerts.linking import Routed
from alerts.model import Acted, Record, Revision, Slice
from alerts.rule import Rule
from alerts.rule_book import RuleBook
from connectors.address import UnsafeError
from connectors.calendars import covered_until, load_calendars
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_audit import acts_before
from connectors.clickhouse_client import PoolRefusedError
from connectors.clickhouse_rows import Poolable
from connectors.door import Door
from connectors.folder import FolderSource
from connectors.gate import Gate
from connectors.handover import Handover
from connectors.kafka import (
    ACTIONS,
    DEAD_LETTERS,
    INTAKE_LOG,
    AlertTopicSink,
    BrokerWatch,
    DeadLetterSink,
    IntakeLogSink,
    LogSource,
    RawSource,
    TickSource,
    ensure_topics,
    greatest_topic_epoch,
    raw_topic,
    topics,
)
from connectors.kafka_positions import raw_positions
from connectors.kafka_progress import DETECTION, INTAKE, RECEIVED, Progress
from connectors.kafka_receipts import ReceiptSource, add_receipts
from connectors.lexicon import load_lexicon
from connectors.log_order import LogPosition
from connectors.mapping import Mapping as RowMapping
from connectors.metrics import Metrics, serve
from connectors.pseudonym import Keyring, load_keyring
from connectors.redis import RedisAlertSink, greatest_epoch
from connectors.redis_client import require_redis
from connectors.redis_people import RedisPeopleSink
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, load_rules
from connectors.seal import Sealer, Unsealer, load_unsealer
from dataflows.admission import Admission
from dataflows.books import Books
from dataflows.catch_up import CatchUp
from dataflows.detect import add_detection
from dataflows.failures import failing_plainly
from dataflows.history_first import HistoryFirst
from dataflows.installation import all_mappings, clock_of, tick_interval
from dataflows.intake import add_intake
from dataflows.memory import calm_collector
from dataflows.merging import MergeProcess
from dataflows.past import Past
from dataflows.push import push_server
from dataflows.readiness import tell_ready
from dataflows.recovery import JOURNALS, SNAPSHOTS, SPOOLS
from dataflows.room import Room
from dataflows.rule_watch import RuleBookSource
from dataflows.servers import door_files, kafka_of, pool_of, redis_of
from dataflows.settings import Settings, required
from dataflows.sources import Silent, add_sources
from dataflows.start import Start, next_epoch, state_folder, take_up
from dataflows.state_store import StateStore
from dataflows.stopping import stopped_by_signals

POOL_PATIENCE = timedelta(seconds=3)

_log = logging.getLogger("anlan.run")


class Installation(NamedTuple):
    """What the files of an installation say."""

    channels: dict[str, Channel]
    calendars: dict[str, Calendar]
    keyring: Keyring
    unsealer: Unsealer
    rule_paths: Sequence[Path | str]
    rules: list[Rule]
    routing_path: Path | str
    routing: RoutingFile
    mappings: dict[str, RowMapping]

    def compiled(self, book: RuleBook) -> list[Rule]:
        """The rules of a book that stands in the log."""
        return book.compiled(self.channels, self.calendars)

    def routing_of(self, file: RoutingFile) -> Routing:
        """A routing that stands in the log, ready to be asked."""
        return Routing(file, self.calendars)


def load(settings: Settings) -> Installation:
    """Read the files of rules, mappings and keys; raises the first thing that is wrong with them."""
    required(settings, "keyring", "seal_key")
    channels = load_channels()
    calendars = load_calendars()
    keyring = load_keyring(settings.keyring)
    paths = settings.rules or (RULES_FOLDER,)
    routing_path = settings.routing or ROUTING_FILE
    return Installation(
        channels,
        calendars,
        keyring,
        load_unsealer(settings.seal_key),
        paths,
        load_rules(paths, channels, calendars),
        routing_path,
        load_routing(routing_path, calendars),
        all_mappings(settings, channels, keyring),
    )


def build(
    settings: Settings, own: Installation, start: Start, epoch: int, stop: threading.Event, metrics: Metrics
) -> Dataflow:
    """The whole flow; its servers are there and its state is taken up."""
    flow = Dataflow("anlan")
    kafka, redis, clickhouse, channels = kafka_of(settings), redis_of(settings), pool_of(settings), own.channels
    compiled = partial(_compiled, own, metrics)
    books = Books(metrics, CatchUp(metrics, start.log_until_us, start.is_rebuild).passed)
    gate, handover = Gate(metrics=metrics), Handover()
    watch, progress = BrokerWatch(kafka, metrics), Progress(kafka)
    waiting: dict[str, Any] = {"stop": stop, "stop_seconds": settings.stop_seconds, "watch": watch}
    state = Path(settings.state)
    spooled: dict[str, Any] = {"spool": state / SPOOLS, "spool_bytes": settings.spool_bytes, "stop": stop}
    pool = PoolSink(clickhouse, metrics, migrates=True, **spooled)
    log = LogSource(
        kafka,
        INTAKE_LOG,
        stop,
        metrics=metrics,
        gate=gate,
        watch=watch,
        handover=handover,
        show=partial(progress.show, DETECTION),
    )
    raw = RawSource(
        kafka,
        [*map(raw_topic, channels), DEAD_LETTERS, ACTIONS],
        stop,
        metrics=metrics,
        gate=gate,
        watch=watch,
        lost=lambda: raw_positions(kafka),
        show=partial(progress.show, INTAKE),
    )
    receipts = ReceiptSource(kafka, stop=stop, metrics=metrics, watch=watch, show=partial(progress.show, RECEIVED))
    rule_books = RuleBookSource(
        own.rule_paths,
        channels,
        stop,
        refused=metrics.rule_books_refused.inc,
        failing=books.failing,
        is_held=pool.is_away,
        routing=own.routing_path,
    )
    streams = add_sources(
        flow,
        {
            "raw": raw,
            "files": _drop_folder(settings, own, stop, gate),
            "clock": TickSource(
                clock_of(settings), stop, tick_interval(settings), lambda: _channels_read_up(raw, channels)
            ),
            "rule-books": rule_books,
            "log": _log_source(settings, start, gate, log),
            "receipts": receipts,
        },
    )
    dead = add_intake(
        _admission(settings, own, metrics),
        streams["raw"],
        streams["files"],
        streams["clock"],
        streams["rule-books"],
        IntakeLogSink(kafka, clock_of(settings), metrics=metrics, gate=gate, handover=handover, **waiting),
        DeadLetterSink(kafka, metrics=metrics, **waiting),
    )
    drafts, routed, gaps, acted = add_detection(
        streams["log"],
        own.rules if start.book is None else compiled(start.book.rules),
        channels,
        settings.shards,
        books,
        compiled,
        Past(clickhouse, pool.wait_until_delivered),
        StateStore(state / JOURNALS, Room(state, stop, metrics), MergeProcess()),
        start.published,
        own.routing if start.book is None else start.book.routing,
        own.routing_of,
    )
    judged = op.map("judged", acted, _acted_stamp(epoch, books))
    revisions = op.filter_map("revisions", drafts, _epoch_stamp(epoch, books))
    delivered = op.filter_map("delivered", revisions, without_shadows)
    op.output("redis", delivered, RedisAlertSink(redis, metrics, on_written=books.published, **spooled))
    op.output("redis-people", judged, RedisPeopleSink(redis, metrics, **spooled))
    op.output("alerts-topic", delivered, AlertTopicSink(kafka, metrics=metrics, **waiting))
    rows: KeyedStream[list[Poolable]] = op.merge(
        "pool-rows",
        op.filter_map("log-rows", routed, log_rows),
        op.map("revision-rows", revisions, lambda keyed: _pooled(keyed[1])),
        op.map("gap-rows", gaps, lambda keyed: _pooled(keyed[1])),
        op.map("action-rows", judged, lambda keyed: _pooled(keyed[1])),
        op.map("dead-rows", dead, _pooled),
        add_receipts(streams["receipts"], metrics),
    )
    op.output("pool", rows, pool)
    return flow


def _compiled(own: Installation, metrics: Metrics, book: RuleBook) -> list[Rule]:
    rules = own.compiled(book)
    metrics.count_from_zero(own.channels, [rule.id for rule in rules])
    return rules


def _log_source(
    settings: Settings, start: Start, gate: Gate, log: LogSource
) -> FixedPartitionedSource[Slice, LogPosition]:
    """The intake log, with the pool before it where it does not begin at the beginning."""
    if not start.log_since_us:
        return log

    def history() -> Iterator[Record]:
        with Pool(pool_of(settings)) as pool:
            parts: list[Iterator[Record]] = [
                pool.arrivals(until=start.log_since_us),
                acts_before(pool, start.log_since_us),
            ]
            yield from heapq.merge(*parts, key=lambda record: record.arrived_us)

    return HistoryFirst(log, history, start.log_since_us, gate)


def _channels_read_up(raw: RawSource, channels: Mapping[str, Channel]) -> tuple[str, ...]:
    topics = set(raw.read_up())
    return tuple(sorted(name for name in channels if raw_topic(name) in topics))


def _drop_folder(settings: Settings, own: Installation, stop: threading.Event, gate: Gate) -> FolderSource | Silent:
    if not settings.drop:
        return Silent(stop)
    formats = {name: mapping.format for name, mapping in own.mappings.items()}
    return FolderSource(settings.drop, formats, Sealer(own.unsealer.public), stop, gate=gate)


def _admission(settings: Settings, own: Installation, metrics: Metrics) -> Admission:
    door = Door(own.channels, own.keyring, Sealer(own.unsealer.public), load_lexicon())
    return Admission(door, own.mappings, clock_of(settings), metrics, own.unsealer, settings.raw_mappings)


def log_rows(keyed: tuple[str, Routed]) -> tuple[str, list[Poolable]] | None:
    """What one slice of the log puts into the pool."""
    routed = keyed[1]
    rows: list[Poolable] = [*routed.pooled, *routed.links, *routed.late, *routed.dead, *routed.gaps]
    return ("pool", rows) if rows else None


def without_shadows(keyed: tuple[str, list[Revision]]) -> tuple[str, list[Revision]] | None:
    """What readers are told: a shadow rule runs and is recorded in the pool, and tells no one."""
    told = [revision for revision in keyed[1] if revision.origin != "shadow"]
    return (keyed[0], told) if told else None


def _pooled(rows: Sequence[Poolable]) -> tuple[str, list[Poolable]]:
    return "pool", list(rows)


def _epoch_stamp(epoch: int, books: Books) -> Callable[[tuple[str, list[Draft]]], tuple[str, list[Revision]] | None]:
    def stamp(keyed: tuple[str, list[Draft]]) -> tuple[str, list[Revision]] | None:
        drafts = [draft for draft in keyed[1] if not draft.standing]
        books.expect(drafts)
        stamped = [msgspec.structs.replace(draft.revision, engine_epoch=epoch) for draft in drafts]
        return ("alerts", stamped) if stamped else None

    return stamp


def _acted_stamp(epoch: int, books: Books) -> Callable[[tuple[str, list[Acted]]], tuple[str, list[Acted]]]:
    def stamp(keyed: tuple[str, list[Acted]]) -> tuple[str, list[Acted]]:
        books.judged(keyed[1])
        return keyed[0], [msgspec.structs.replace(row, engine_epoch=epoch) for row in keyed[1]]

    return stamp


def prepare(settings: Settings) -> None:
    """Make the topics and the pool's tables where they are missing, and see that every server lets us in.

    A pool or a Redis that is away is waited for later; a pool gets its tables when it is back.
    """
    wanted = topics(load_channels(), log_partitions=settings.log_partitions)
    ensure_topics(kafka_of(settings), wanted)
    try:
        with Pool(pool_of(settings), patience=POOL_PATIENCE) as pool:
            pool.migrate()
    except (PoolRefusedError, UnsafeError):
        raise
    except ConnectionError as error:
        _log.warning("pool_away at the start; rows wait in the spool. %s", error)
    try:
        require_redis(redis_of(settings))
    except UnsafeError:
        raise
    except ConnectionError as error:
        _log.warning("redis_away at the start; alerts for it wait in the spool. %s", error)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then finish what is in flight, save the state and return.

    Raises `FlowError` with the sentence of what stopped the flow, if something did.
    """
    os.environ.setdefault("RUST_BACKTRACE", "0")  # the engine's own words help nobody
    metrics = Metrics()
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stopped_by_signals(settings.stop_seconds))
        folder = stack.enter_context(state_folder(settings))
        own = load(settings)  # first what is wrong in our own files, then the servers
        metrics.count_from_zero(own.channels, [rule.id for rule in own.rules])
        metrics.calendars_covered.set(covered_until(own.calendars).timestamp())
        prepare(settings)
        start = take_up(folder, settings)
        epoch = next_epoch(folder, lambda: _greatest_epoch(settings))
        flow = build(settings, own, start, epoch, stop, metrics)
        door = serve(metrics, settings.metrics_port, *door_files(settings), addr=settings.metrics_address)
        stack.callback(door.close)
        _log.info("flow_started metrics=%d state=%s epoch=%d", door.port, folder, epoch)
        if settings.http_port:
            stack.enter_context(push_server(settings, metrics))
        stack.enter_context(calm_collector())
        tell_ready()
        recovery = RecoveryConfig(str(folder / SNAPSHOTS), timedelta(0))
        with failing_plainly():
            cli_main(flow, epoch_interval=timedelta(seconds=settings.snapshot_seconds), recovery_config=recovery)
    _log.info("flow_stopped")


def _greatest_epoch(settings: Settings) -> int:
    """The greatest epoch that readers have seen, asked where the state folder has forgotten it.

    The alerts topic knows them all; Redis and the pool are asked as well where they answer.
    """
    found = [greatest_topic_epoch(kafka_of(settings))]
    asked: Sequence[Callable[[], int]] = (partial(greatest_epoch, redis_of(settings)), partial(_pool_epoch, settings))
    for ask in asked:
        try:
            found.append(ask())
        except ConnectionError as error:
            _log.warning("epoch_not_asked %s", error)
    return max(found)


def _pool_epoch(settings: Settings) -> int:
    with Pool(pool_of(settings), patience=POOL_PATIENCE) as pool:
        return pool.greatest_epoch()
