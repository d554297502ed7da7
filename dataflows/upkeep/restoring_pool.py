"""ClickHouse was lost: the pool is a function of the intake log, the alerts topic and the dead letters, so it is made
again from them, and what only a backup holds from a backup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from alerts.local_time import local_time
from alerts.model import DeadLetter, Revision
from connectors.address import Where
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_rows import Poolable, table_of
from connectors.clickhouse_schema import FOR_EVER
from connectors.clickhouse_writer import Pace, PoolWriter
from connectors.event_json import UNREADABLE
from connectors.kafka import ALERTS, DEAD_LETTERS, RECEIPTS, count_records, read_topic
from connectors.kafka_receipts import ReceiptError, read_receipt
from connectors.metrics import Metrics
from connectors.registry import load_channels
from dataflows.installation import rules_of
from dataflows.log_replay import Seen, Standing, Step, pipeline_of_log, pipeline_of_state, steps
from dataflows.past import Past
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings
from dataflows.upkeep.archive import Archive
from dataflows.upkeep.plan import NOTHING_TO_READ, Log, Plan, look_at_log
from dataflows.upkeep.state_copy import Kept

RIGHTS = "users of ClickHouse and what they may read: `anlan access` prints what makes them"
AT_THE_END = Pace(refresh_seconds=1e9)  # aggregates are recounted once, when everything is there

_revision = msgspec.json.Decoder(Revision).decode
_letter = msgspec.json.Decoder(DeadLetter).decode


class PoolRestored(NamedTuple):
    """What was written, by table, and how far the log bears out what readers were told."""

    rows: Mapping[str, int]
    differing: int  # revisions that the log gives with another content than readers were told
    untold: int  # revisions that the log gives and the alerts topic does not hold


def plan_of_pool(settings: Settings, overwrite: bool, archive: Archive | None = None) -> Plan:
    """What would be written again, what cannot be, and whether something is in the way. Changes nothing."""
    log = look_at_log(kafka_of(settings))
    told, letters = (count_records(kafka_of(settings), topic) for topic in (ALERTS, DEAD_LETTERS))
    does = [
        f"read {log.span}, and write what follows from it: events, links, late events, gaps, the audit, aggregates",
        f"write {told:,} revisions of `{ALERTS}` and {letters:,} dead letters",
    ]
    if archive is not None:
        does.insert(0, f"put back {archive.told}; of the log what came later is read")
    lacks = _lacks(log) if archive is None else archive.lacks
    refusals = [] if log.records else [NOTHING_TO_READ]
    refusals += [] if overwrite else _in_the_way(settings)
    if archive is not None:
        refusals += archive.refusals(settings)
    elif log.is_cut and not overwrite:
        refusals.append(
            f"the intake log must reach back to its beginning, or a backup to where it begins; got a log that begins"
            f" at {local_time(log.since_us)}; give --from FOLDER, or --overwrite to go on with what there is"
        )
    return Plan(does, lacks, refusals)


def _lacks(log: Log) -> list[str]:
    lacks = [
        "what people decided about dead letters (`deadletters retry`): they are open again",
        "receipts older than the broker keeps them (seven days unless told otherwise)",
        RIGHTS,
    ]
    if log.is_cut:
        since = local_time(log.since_us)
        lacks += [
            f"events, links, late events and aggregates from before {since}; what began before it begins there",
            "the audit and what shadow rules said: they are numbered from the beginning of the log",
        ]
    return lacks


def _in_the_way(settings: Settings) -> list[str]:
    with Pool(pool_of(settings)) as pool:
        count = pool.count_events() if pool.has_tables() else 0
    if not count:
        return []
    return [
        f"the pool must be empty before it is made again; got {count:,} events; with --overwrite rows that come again"
        " replace themselves and the others stay"
    ]


def restore_pool(
    settings: Settings, archive: Archive | None = None, seen: Seen = lambda at_us, count: None
) -> PoolRestored:
    """Write it: what an `archive` holds, and from there on what the log gives. The flow must stand still meanwhile."""
    with Pool(pool_of(settings)) as pool:
        pool.migrate()
        if archive is not None:
            archive.put_back(pool)
        if not pool.count_events():
            pool.migrate(FOR_EVER)  # who reported is counted from tokens, also from such as go when that is done
    kept = None if archive is None else archive.kept()
    sink = PoolSink(pool_of(settings), Metrics(), pace=AT_THE_END)
    writer = _Writer(sink.build_part("pool", "pool", None if kept is None else list(kept.hours)))
    try:
        if kept is not None:
            writer.part.write_batch([list(kept.waiting)])
        told = writer.write_told(kafka_of(settings))
        writer.write_all(_letters(kafka_of(settings)))
        writer.write_all(_receipts(kafka_of(settings)))
        past = Past(pool_of(settings), sink.wait_until_delivered)
        is_whole = archive is not None or not look_at_log(kafka_of(settings)).is_cut
        for step in _steps(settings, past, kept):
            writer.write_step(step, told, is_whole)
            seen(step.clock_us, step.records)
    except BaseException:
        writer.part.recounting.abandon()
        writer.part.spool.abandon()
        raise
    writer.close()
    with Pool(pool_of(settings)) as pool:
        pool.migrate()
    return PoolRestored(writer.rows, told.differing, told.untold)


class _Told:
    """The revisions that readers were told: which content of each, and by which life of the flow."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[str, int]] = {}
        self.epoch = 0
        self.differing = 0
        self.untold = 0

    def add(self, revision: Revision) -> bool:
        """One more; whether it counts: the greatest engine epoch does."""
        place = (revision.alert_id, revision.revision)
        if revision.engine_epoch < self._known.get(place, ("", 0))[1]:
            return False
        self._known[place] = (revision.content_hash, revision.engine_epoch)
        self.epoch = max(self.epoch, revision.engine_epoch)
        return True

    def missing(self, revisions: Iterable[Revision]) -> list[Revision]:
        """Of what the log gives that which is not there yet, as the last life of the flow would have said it."""
        found = []
        for revision in revisions:
            known = self._known.get((revision.alert_id, revision.revision))
            if known is None:
                self.untold += revision.origin != "shadow"
                found.append(msgspec.structs.replace(revision, engine_epoch=self.epoch))
            elif known[0] != revision.content_hash:
                self.differing += 1
        return found


class _Writer:
    """Rows into the pool, counted by table."""

    def __init__(self, part: PoolWriter) -> None:
        self.part = part
        self.rows: Counter[str] = Counter()

    def write_told(self, bootstrap: Where) -> _Told:
        """Every revision that readers were told."""
        told = _Told()
        for record in read_topic(bootstrap, ALERTS):
            revision = _revision(record.value)
            if told.add(revision):
                self.write([revision])
        return told

    def write_step(self, step: Step, told: _Told, is_whole: bool) -> None:
        """What one slice of the log gives; what is numbered from its beginning only where that is there."""
        routed = step.routed
        self.write([*routed.pooled, *routed.links, *routed.late, *routed.dead, *routed.gaps, *step.gaps])
        revisions = told.missing(step.revisions)
        if is_whole:
            self.write(revisions)
            self.write([msgspec.structs.replace(row, engine_epoch=told.epoch) for row in step.acted])

    def write_all(self, rows: Iterator[Poolable]) -> None:
        """Each of them."""
        for row in rows:
            self.write([row])

    def write(self, rows: Sequence[Poolable]) -> None:
        """Hand rows over; they are in the pool when this is closed."""
        if rows:
            self.rows.update(map(table_of, rows))
            self.part.write_batch([list(rows)])

    def close(self) -> None:
        """Wait until everything is there and counted."""
        self.part.spool.flush()
        self.part.close()


def _steps(settings: Settings, past: Past, kept: Kept | None) -> Iterator[Step]:
    channels, calendars = load_channels(), load_calendars()
    rules = rules_of(settings, channels, calendars)
    stands = Standing(rules, channels, calendars, past, past.of_matters)
    if kept is None:
        return steps(kafka_of(settings), pipeline_of_log(kafka_of(settings), stands))
    return steps(kafka_of(settings), pipeline_of_state(kept.frames, stands), since=kept.position)


def _letters(bootstrap: Where) -> Iterator[Poolable]:
    for record in read_topic(bootstrap, DEAD_LETTERS):
        try:
            yield _letter(record.value)
        except UNREADABLE:
            continue  # the flow has refused it when it came


def _receipts(bootstrap: Where) -> Iterator[Poolable]:
    for record in read_topic(bootstrap, RECEIPTS):
        try:
            yield read_receipt(record.value)
        except ReceiptError:
            continue  # the flow has said so when it came
