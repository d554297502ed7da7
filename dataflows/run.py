"""The production flow: intake and detection in one process, with recovery, metrics, HTTP and an orderly stop."""

from __future__ import annotations

import contextlib
import heapq
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource
from bytewax.operators import KeyedStream
from bytewax.outputs import FixedPartitionedSink
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from alerts.alert import Draft
from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.desk.routing import Routing
from alerts.desk.routing_file import RoutingFile
from alerts.failing import gap_of
from alerts.linking import Routed
from alerts.model import Acted, Record, Revision, Slice
from alerts.rule import Rule
from alerts.rule_book import RuleBook
from connectors.calendars import covered_until, load_calendars
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_audit import acts_before
from connectors.clickhouse_rows import Poolable
from connectors.door import Door
from connectors.folder import FolderSource
from connectors.gate import Gate
from connectors.handover import Handover
from connectors.kafka import (
    INTAKE_LOG,
    AlertTopicSink,
    BrokerWatch,
    DeadLetterSink,
    IntakeLogSink,
    LogSource,
    RawSource,
    TickSource,
    raw_topic,
)
from connectors.kafka_positions import raw_positions
from connectors.kafka_progress import DETECTION, INTAKE, RECEIVED, Progress
from connectors.kafka_receipts import ReceiptSource, add_receipts
from connectors.lexicon import load_lexicon
from connectors.log_order import LogPosition
from connectors.mapping import Mapping as RowMapping
from connectors.metrics import Metrics, serve
from connectors.names import Names
from connectors.pseudonym import Keyring, load_keyring
from connectors.redis import RedisAlertSink
from connectors.redis_people import RedisPeopleSink
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER
from connectors.seal import Sealer, Unsealer, load_unsealer
from dataflows.admission import Admission
from dataflows.beginning import Begin, begin_alone
from dataflows.books import Books
from dataflows.catch_up import CatchUp
from dataflows.certificates import watched
from dataflows.detect import add_detection
from dataflows.failures import failing_plainly
from dataflows.history_first import HistoryFirst
from dataflows.installation import all_mappings, clock_of, intake_topics, names_of, rules_of, tick_interval, unfit_here
from dataflows.intake import add_intake
from dataflows.memory import calm_collector
from dataflows.merging import MergeProcess
from dataflows.past import Past
from dataflows.place import ALONE, AtFront, Place, Told
from dataflows.push import push_server
from dataflows.readiness import tell_ready
from dataflows.recovery import JOURNALS, SNAPSHOTS, SPOOLS
from dataflows.room import Room
from dataflows.rule_watch import RuleBookSource
from dataflows.servers import door_files, kafka_of, pool_of, redis_of, topic_prefix, upstream_logs
from dataflows.settings import Settings, required
from dataflows.sources import Silent, add_sources
from dataflows.start import Start
from dataflows.state_store import StateStore
from dataflows.stopping import stopped_by_signals

TURN_SECONDS = 0.0005  # that a thread which packs rows for the pool holds up the flow; Python has ten times that

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
    names: Names | None = None  # who is called by which token, where a flow keeps it

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
        rules_of(settings, channels, calendars),
        routing_path,
        load_routing(routing_path, calendars),
        all_mappings(settings, channels, keyring),
    )


def naming(own: Installation, settings: Settings, names: Names) -> Installation:
    """The same, with residents called as they were. Raises `KeyringError` where a key is missing that is needed."""
    names.hold(own.keyring)
    keyring = own.keyring.naming(names.name)
    return own._replace(keyring=keyring, mappings=all_mappings(settings, own.channels, keyring), names=names)


def build(
    settings: Settings,
    own: Installation,
    start: Start,
    epoch: int,
    stop: threading.Event,
    metrics: Metrics,
    place: Place = ALONE,
    behind: Executor | None = None,
) -> Dataflow:
    """The whole flow, as it is in the process at this place; its servers are there and its state is taken up.

    State that is saved ahead is written by `behind`, which must have ended when the next life begins.
    """
    flow = Dataflow("anlan")
    is_front = place.is_front

    def at_front(step: str, up: KeyedStream[Any], sink: FixedPartitionedSink[Any, Any]) -> None:
        op.output(step, up, AtFront(sink, is_front))

    kafka, redis, clickhouse, channels = kafka_of(settings), redis_of(settings), pool_of(settings), own.channels
    compiled = partial(_compiled, own, metrics)
    catch_up = CatchUp(metrics, start.log_until_us, start.is_rebuild) if is_front else CatchUp(metrics)
    books = Books(metrics, catch_up.passed)
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
        intake_topics(settings, channels),
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
        unfit=partial(unfit_here, settings),
        log_has_book=start.book is not None,
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
        is_front,
    )
    dead = add_intake(
        _admission(settings, own, metrics),
        streams["raw"],
        streams["files"],
        streams["clock"],
        streams["rule-books"],
        AtFront(
            IntakeLogSink(kafka, clock_of(settings), metrics=metrics, gate=gate, handover=handover, **waiting), is_front
        ),
        AtFront(DeadLetterSink(kafka, metrics=metrics, **waiting), is_front),
    )
    drafts, routed, failures, acted = add_detection(
        streams["log"],
        own.rules if start.book is None else compiled(start.book.rules),
        channels,
        settings.shards,
        books,
        compiled,
        Past(clickhouse, pool.wait_until_delivered),
        StateStore(state / JOURNALS, Room(state, stop, metrics), MergeProcess(), settings.snapshot_seconds, behind),
        start.published,
        own.routing if start.book is None else start.book.routing,
        own.routing_of,
    )
    judged = op.map("judged", acted, _acted_stamp(epoch, books))
    revisions = op.filter_map("revisions", drafts, _epoch_stamp(epoch))
    delivered = op.filter_map("delivered", revisions, without_shadows)
    at_front("failing", failures, Told(books.failed))
    at_front("expected", op.map("produced", drafts, _produced), Told(books.expect))
    at_front("redis", delivered, RedisAlertSink(redis, metrics, on_written=books.published, epoch=epoch, **spooled))
    at_front("redis-people", judged, RedisPeopleSink(redis, metrics, epoch=epoch, **spooled))
    at_front("alerts-topic", delivered, AlertTopicSink(kafka, metrics=metrics, **waiting))
    rows: KeyedStream[list[Poolable]] = op.merge(
        "pool-rows",
        op.filter_map("log-rows", routed, log_rows),
        op.map("revision-rows", revisions, lambda keyed: _pooled(keyed[1])),
        op.map("gap-rows", failures, lambda keyed: _pooled([gap_of(failure) for failure in keyed[1]])),
        op.map("action-rows", judged, lambda keyed: _pooled(keyed[1])),
        op.map("dead-rows", dead, _pooled),
        add_receipts(streams["receipts"], metrics),
    )
    at_front("pool", rows, pool)
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
    return Admission(
        door,
        own.mappings,
        clock_of(settings),
        metrics,
        own.unsealer,
        settings.raw_mappings,
        own.names,
        upstream_logs(settings),
        topic_prefix(settings) + INTAKE_LOG,
    )


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


def _produced(keyed: tuple[str, list[Draft]]) -> tuple[str, list[tuple[str, int, int]]]:
    """When the events behind revisions were produced."""
    drafts = [draft for draft in keyed[1] if not draft.standing]
    return keyed[0], [(draft.revision.alert_id, draft.revision.revision, draft.produced_us) for draft in drafts]


def _epoch_stamp(epoch: int) -> Callable[[tuple[str, list[Draft]]], tuple[str, list[Revision]] | None]:
    def stamp(keyed: tuple[str, list[Draft]]) -> tuple[str, list[Revision]] | None:
        drafts = [draft for draft in keyed[1] if not draft.standing]
        stamped = [msgspec.structs.replace(draft.revision, engine_epoch=epoch) for draft in drafts]
        return ("alerts", stamped) if stamped else None

    return stamp


def _acted_stamp(epoch: int, books: Books) -> Callable[[tuple[str, list[Acted]]], tuple[str, list[Acted]]]:
    def stamp(keyed: tuple[str, list[Acted]]) -> tuple[str, list[Acted]]:
        books.judged(keyed[1])
        return keyed[0], [msgspec.structs.replace(row, engine_epoch=epoch) for row in keyed[1]]

    return stamp


def run(settings: Settings, place: Place = ALONE, begin: Begin = begin_alone) -> None:
    """Run until SIGTERM or SIGINT; then finish what is in flight, save the state and return.

    `begin` gives what the flow goes on from: of several processes one looks at it, and tells the others. Raises
    `FlowError` with the sentence of what stopped the flow, if something did.
    """
    os.environ.setdefault("RUST_BACKTRACE", "0")  # the engine's own words help nobody
    metrics = Metrics()
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stopped_by_signals(settings.stop_seconds))
        own = load(settings)  # first what is wrong in our own files, then the servers
        locks = door_files(settings, "metrics_address", *(["http_address"] if settings.http_port else []))
        metrics.count_from_zero(own.channels, [rule.id for rule in own.rules])
        metrics.calendars_covered.set(covered_until(own.calendars).timestamp())
        folder, start, epoch = stack.enter_context(begin(settings))
        if place.is_front:
            names = stack.enter_context(names_of(settings, own.rules, Room(folder, stop, metrics)))
            own = naming(own, settings, names)
        behind = stack.enter_context(ThreadPoolExecutor(1, "journals"))
        flow = build(settings, own, start, epoch, stop, metrics, place, behind)
        port = settings.metrics_port and settings.metrics_port + place.on_host
        door = serve(metrics, port, *locks, addr=settings.metrics_address)
        stack.callback(door.close)
        stack.enter_context(watched(settings, metrics))
        _log.info("flow_started metrics=%d state=%s epoch=%d", door.port, folder, epoch)
        if settings.http_port and not place.on_host:
            stack.enter_context(push_server(settings, metrics))
        stack.enter_context(calm_collector())
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(TURN_SECONDS)
        tell_ready()
        recovery = RecoveryConfig(str(folder / SNAPSHOTS), timedelta(0))
        every = timedelta(seconds=settings.snapshot_seconds)
        with failing_plainly():
            cli_main(flow, epoch_interval=every, recovery_config=recovery, **place.engine())
    _log.info("flow_stopped")
