"""The production flow: intake and detection in one process, with recovery, metrics, HTTP and an orderly stop."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.operators import KeyedStream
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.linking import Routed
from alerts.model import Revision
from alerts.rule_book import RuleBook
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_rows import Poolable
from connectors.door import Door
from connectors.folder import FolderSource
from connectors.kafka import (
    DEAD_LETTERS,
    INTAKE_LOG,
    AlertTopicSink,
    IntakeLogSink,
    LogSource,
    RawSource,
    TickSource,
    ensure_topics,
    raw_topic,
    topics,
)
from connectors.lexicon import load_lexicon
from connectors.mapping import Mapping as RowMapping
from connectors.metrics import Metrics, serve
from connectors.pseudonym import Keyring, load_keyring
from connectors.redis import RedisAlertSink
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from connectors.seal import Sealer, Unsealer, load_unsealer
from dataflows.admission import Admission
from dataflows.books import Books
from dataflows.detect import add_detection
from dataflows.installation import all_mappings, clock_of
from dataflows.intake import add_intake
from dataflows.memory import calm_collector
from dataflows.past import Past
from dataflows.push import push_server
from dataflows.rule_watch import RuleBookSource
from dataflows.settings import Settings, SettingsError, required

_log = logging.getLogger("anlan.run")


def build(settings: Settings, stop: threading.Event, metrics: Metrics) -> Dataflow:
    """The whole flow. Reads files of rules, mappings and keys; raises before the first event if one is wrong."""
    required(settings, "keyring", "seal_key")
    channels = load_channels()
    keyring = load_keyring(settings.keyring)
    unsealer = load_unsealer(settings.seal_key)
    calendars = load_calendars()
    paths = settings.rules or (RULES_FOLDER,)
    rules = load_rules(paths, channels, calendars)
    mappings = all_mappings(settings, channels, keyring)
    flow = Dataflow("anlan")
    books = Books(metrics)
    admission = _admission(settings, channels, keyring, unsealer, mappings, metrics)
    raw = RawSource(settings.kafka, [*map(raw_topic, channels), DEAD_LETTERS], stop, metrics=metrics)
    dead = add_intake(
        flow,
        admission,
        raw,
        _drop_folder(settings, mappings, unsealer, stop),
        TickSource(clock_of(settings), stop, read_up=lambda: _channels_read_up(raw, channels)),
        IntakeLogSink(settings.kafka, clock_of(settings), metrics=metrics),
        RuleBookSource(paths, channels, stop, refused=metrics.rule_books_refused.inc),
    )
    source = LogSource(settings.kafka, INTAKE_LOG, stop, metrics=metrics)
    compiler = partial(RuleBook.compiled, channels=channels, calendars=calendars)
    past = Past(settings.clickhouse)
    drafts, routed = add_detection(flow, source, rules, channels, settings.shards, books, compiler, past)
    stamp = _epoch_stamp(next_epoch(Path(settings.state)), books)
    revisions = op.filter_map("revisions", drafts, stamp)
    delivered = op.filter_map("delivered", revisions, without_shadows)
    op.output("redis", delivered, RedisAlertSink(settings.redis, metrics, on_written=books.published))
    op.output("alerts-topic", delivered, AlertTopicSink(settings.kafka, metrics=metrics))
    rows: KeyedStream[list[Poolable]] = op.merge(
        "pool-rows",
        op.filter_map("log-rows", routed, log_rows),
        op.map("revision-rows", revisions, lambda keyed: _pooled(keyed[1])),
        op.map("dead-rows", dead, _pooled),
    )
    op.output("pool", rows, PoolSink(settings.clickhouse, metrics))
    return flow


def _channels_read_up(raw: RawSource, channels: Mapping[str, Channel]) -> tuple[str, ...]:
    topics = set(raw.read_up())
    return tuple(sorted(name for name in channels if raw_topic(name) in topics))


def _drop_folder(
    settings: Settings, mappings: Mapping[str, RowMapping], unsealer: Unsealer, stop: threading.Event
) -> FolderSource | None:
    if not settings.drop:
        return None
    formats = {name: mapping.format for name, mapping in mappings.items()}
    return FolderSource(settings.drop, formats, Sealer(unsealer.public), stop)


def _admission(
    settings: Settings, channels: dict[str, Channel], keyring: Keyring, unsealer: Unsealer,
    mappings: Mapping[str, RowMapping], metrics: Metrics,
) -> Admission:  # fmt: skip
    door = Door(channels, keyring, Sealer(unsealer.public), load_lexicon())
    return Admission(door, mappings, clock_of(settings), metrics, unsealer, settings.raw_mappings)


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


def next_epoch(state: Path) -> int:
    """One more than at the last start: it fences what an earlier life of the flow may still write."""
    path = state / "engine-epoch"
    epoch = int(path.read_text()) + 1 if path.exists() else 1
    path.with_suffix(".new").write_text(str(epoch))
    path.with_suffix(".new").rename(path)
    return epoch


@contextlib.contextmanager
def state_folder(settings: Settings) -> Iterator[RecoveryConfig]:
    """The folder of the snapshots, made where it is missing and locked: two flows on one would ruin both."""
    folder = Path(settings.state)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"`state` must belong to one flow; got a folder that another one runs on ({folder})"
            ) from None
        snapshots = folder / "snapshots"
        if not snapshots.exists():
            snapshots.mkdir()
            init_db_dir(snapshots, 1)
        yield RecoveryConfig(str(snapshots), timedelta(0))


def prepare(settings: Settings) -> None:
    """Make the topics and the pool's tables where they are missing."""
    wanted = topics(load_channels(), log_partitions=settings.log_partitions)
    ensure_topics(settings.kafka, wanted)
    with Pool(settings.clickhouse) as pool:
        pool.migrate()


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then finish what is in flight, save the state and return."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    metrics = Metrics()
    with contextlib.ExitStack() as stack:
        recovery = stack.enter_context(state_folder(settings))
        flow = build(settings, stop, metrics)  # first what is wrong in our own files, then the servers
        prepare(settings)
        door = serve(metrics, settings.metrics_port)
        stack.callback(door.close)
        _log.info("flow_started metrics=%d state=%s", door.port, settings.state)
        if settings.http_port:
            stack.enter_context(push_server(settings, metrics))
        stack.enter_context(calm_collector())
        cli_main(flow, epoch_interval=timedelta(seconds=settings.snapshot_seconds), recovery_config=recovery)
    _log.info("flow_stopped")
