"""The live feed in Redis or Valkey: revisions go out in one atomic step each. `connectors/subscriber.py` reads them.

| key | what it is |
|---|---|
| stream `alerts:all`, `alerts:<county>` | every revision, trimmed by age: the record `json`, its place `feed_seq` |
| hash `alert:<alert_id>` | the last revision, flat fields for panels and `json`; also the fence |
| hash `alert:<county>:<alert_id>` | the same, for the county whose alert it is |
| sorted set `alerts:open`, `alerts:open:<county>` | what is open; score = level × 10¹³ + ms of opening |
| `alerts:epoch`, `alerts:feed_seq` | the greatest engine epoch that wrote, and the last place in the feed |
| `alerts:lost` | how many revisions before that place were lost here, until a restore brings them back |
| channel `alerts.hint`, `alerts.hint:<county>` | `{alert_id, revision, stream_id}`: a nudge, never the record |

A muted revision is written like any other and sends no hint.
What has a county in its name is all that a county's user may read (`connectors/redis_keys.py`).
Where the address has a prefix, all of these begin with it: `{lanzhou}:alerts:all`. Redis Cluster: a script may
touch one slot only, hence the braces; all feeds then live in one slot, which a single node serves with room to
spare. Durability is the server's: with `appendfsync always` an acknowledged revision is on disk; with `everysec`
a power cut may take its last second, which an epoch that is committed already does not bring back.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import redis
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import Revision
from connectors.address import Where
from connectors.metrics import Metrics
from connectors.redis_client import PATIENT_SECONDS, asking, connect, is_transient, place_of
from connectors.redis_entry import entry_of
from connectors.redis_keys import Names, names_of
from connectors.spool import Bounds, Server, Spool
from connectors.spool_file import SpoolFile

SPOOL = "redis.journal"  # the file in the spool folder
CHUNK = 300  # revisions in one call, about 25 ms; the server answers nobody else meanwhile
QUICK_SECONDS = 2.0  # that a worker waits for an answer before its revisions go to the spool
MEMORY_ROWS = 2_000

_log = logging.getLogger("anlan.redis")


class FencedError(RuntimeError):
    """A later life of this flow writes to the feeds already."""


@dataclass(frozen=True)
class FeedRetention:
    """How long the feeds remember. A hash is the fence, so it must outlive the longest replay of the log."""

    streams: timedelta = timedelta(days=7)
    closed_alerts: timedelta = timedelta(days=30)


class RedisAlertSink(FixedPartitionedSink[list[Revision], bytes | None]):
    """Publish revisions to the streams, hashes, sorted sets and hints, at most 300 in one atomic script call.

    Parallel by: nothing; a feed has one order, and one connection writes far more than a city opens.
    Delivery: at least once, and each `(alert_id, revision)` once in the streams: the alert's hash holds the
    last revision, its content hash and engine epoch, and the script leaves out what was written before. A
    revision that comes again with another content is counted, and the greater engine epoch wins. What an
    earlier life of the flow says after a later one has written is refused and stops that flow. What the server has
    lost of what it was given is counted by the places of the feed, and told; what comes goes on.
    On failure: what the server does not take waits in the `spool` folder, up to `spool_bytes`, and is tried again
    with growing, jittered pauses without end; alerts on other sinks go on, and a snapshot does not wait. Without
    a folder the flow waits for `patience` and stops. What does not pass by itself stops the flow at once.
    """

    def __init__(
        self,
        url: Where,
        metrics: Metrics,
        *,
        retention: FeedRetention | None = None,
        patience: timedelta = timedelta(seconds=60),
        on_written: Callable[[list[Revision]], None] | None = None,
        epoch: int = 0,
        spool: Path | None = None,
        spool_bytes: int = 1_000_000_000,
        stop: threading.Event | None = None,
    ) -> None:
        """`on_written` is told, after each call, which revisions readers now see for the first time.

        It may be called from another thread. `epoch` is the engine epoch of this life of the flow: what an earlier
        one left in the spool is its to deliver; without one a revision counts as of the life that it names.
        `stop` is set when the flow is asked to end.
        """
        self._url = url
        self._metrics = metrics
        self._retention = retention or FeedRetention()
        self._patience = patience
        self._on_written = on_written
        self._epoch = epoch
        self._spool = spool
        self._bounds = Bounds(CHUNK, memory_rows=MEMORY_ROWS, disk_bytes=spool_bytes)
        self._stop = stop

    def list_parts(self) -> list[str]:
        """One partition: one order."""
        return ["feed"]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> RedisAlertWriter:
        """Open the spool where the snapshot left it, and the connections. Raises `JournalError`."""
        quick = self._publisher(QUICK_SECONDS if self._spool else PATIENT_SECONDS)
        patient = self._publisher(PATIENT_SECONDS)
        file = SpoolFile(self._spool / SPOOL, resume_state) if self._spool else None
        return RedisAlertWriter(
            quick,
            patient,
            self._metrics,
            self._on_written,
            lambda server: Spool(
                server, self._bounds, self._metrics, file=file, stop=self._stop, patience=self._patience.total_seconds()
            ),
        )

    def _publisher(self, seconds: float) -> Publisher:
        return Publisher(connect(self._url, seconds), names_of(self._url), self._retention, self._epoch)


class RedisAlertWriter(StatefulSinkPartition[list[Revision], bytes | None]):
    """The running half of `RedisAlertSink`."""

    def __init__(
        self,
        quick: Publisher,
        patient: Publisher,
        metrics: Metrics,
        on_written: Callable[[list[Revision]], None] | None,
        spool: Callable[[Server[Revision]], Spool[Revision]],
    ) -> None:
        self._quick = quick
        self._patient = patient
        self._metrics = metrics
        self._on_written = on_written
        self._lost = 0
        self.spool = spool(Server("redis", self._deliver_patiently, is_transient, _encode, _decode))

    def write_batch(self, values: list[list[Revision]]) -> None:
        """Write all revisions in order, each chunk acknowledged; what is not acknowledged soon waits in the spool."""
        for chunk in _chunks(revision for revisions in values for revision in revisions):
            self.spool.write(chunk, self._deliver_quickly)

    def _deliver_quickly(self, chunk: list[Revision]) -> None:
        self._deliver(self._quick, chunk)

    def _deliver_patiently(self, chunk: list[Revision]) -> None:
        self._deliver(self._patient, chunk)

    def _deliver(self, publisher: Publisher, chunk: list[Revision]) -> None:
        with self._metrics.flush_seconds.labels("redis").time():
            lost, verdicts = publisher.write(chunk)
        self._tell_lost(lost)
        self._account(chunk, verdicts)
        if "fenced" in verdicts:
            epoch = max(publisher.epoch, chunk[verdicts.index("fenced")].engine_epoch)
            raise FencedError(
                f"alerts must come from the latest life of the flow; got engine epoch {epoch} where a later one"
                f" has written ({publisher.address}); another flow has taken over these feeds: run one of them"
            )

    def _tell_lost(self, lost: int) -> None:
        self._metrics.revisions_lost.set(lost)
        if lost > self._lost:
            _log.error("revisions_lost count=%d; run `anlan restore redis`", lost)
        self._lost = lost

    def _account(self, chunk: list[Revision], verdicts: list[str]) -> None:
        written = [r for r, said in zip(chunk, verdicts, strict=True) if said in ("written", "replaced")]
        self._metrics.rows_written.labels("redis", "alerts").inc(len(written))
        for reason in ("duplicate", "older", "fenced"):
            if left_out := verdicts.count(reason):
                self._metrics.rows_skipped.labels("redis", reason).inc(left_out)
        if differing := verdicts.count("mismatch") + verdicts.count("replaced"):
            self._metrics.hashes_mismatched.labels("redis").inc(differing)
        if written and self._on_written:
            self._on_written(written)

    def snapshot(self) -> bytes | None:
        """What waits in the spool; nothing else is kept."""
        return self.spool.snapshot()

    def close(self) -> None:
        """Deliver what can be delivered in a short time, and close the connections."""
        self._quick.close()
        if self.spool.close():
            self._patient.close()


def greatest_epoch(url: Where) -> int:
    """The greatest engine epoch that has written to these feeds; 0 where none has. Raises `ConnectionError`."""
    with contextlib.closing(connect(url)) as client:
        try:
            with asking(client):
                return int(cast("bytes | None", client.get(names_of(url).epoch)) or 0)
        except redis.exceptions.RedisError as error:
            raise ConnectionError(f"redis must say its engine epoch; got `{error}` ({place_of(client)})") from error


class Written(NamedTuple):
    """What the script says: how many revisions are lost there, and a verdict for each that it was given."""

    lost: int
    verdicts: list[str]


class Publisher:
    """One connection and the script; knows the order of the script's arguments."""

    def __init__(self, client: redis.Redis, names: Names, retention: FeedRetention, epoch: int = 0) -> None:
        self._client = client
        self.epoch = epoch  # of the life that delivers
        self._script = client.register_script(
            files("connectors").joinpath("redis_publish.lua").read_text(encoding="utf-8")
        )
        self._stream = names.stream()
        keep_ms = retention.streams // timedelta(milliseconds=1)
        keep_closed = int(retention.closed_alerts.total_seconds())
        self._head: list[Any] = [msgspec.msgpack.encode(names), keep_ms, keep_closed, epoch]

    def write(self, chunk: list[Revision]) -> Written:
        """One script call; the verdict of each revision."""
        return self.write_entries([entry_of(revision) for revision in chunk])

    def write_entries(self, entries: list[bytes]) -> Written:
        """One script call for what `entry_of` made; a verdict for each."""
        with asking(self._client):
            lost, said = cast(tuple[int, list[bytes]], self._script(keys=[self._stream], args=[*self._head, *entries]))
        return Written(lost, [word.decode() for word in said])

    @property
    def address(self) -> str:
        """Host and port, without the password of the url."""
        return place_of(self._client)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _encode(revisions: list[Revision]) -> bytes:
    return msgspec.json.encode(revisions)


def _decode(body: bytes) -> list[Revision]:
    return msgspec.json.decode(body, type=list[Revision])


def _chunks(revisions: Iterator[Revision]) -> Iterator[list[Revision]]:
    while chunk := list(islice(revisions, CHUNK)):
        yield chunk
