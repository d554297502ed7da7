"""The live feed in Redis or Valkey: revisions go out in one atomic step each, and readers follow one rule.

| key | what it is |
|---|---|
| stream `alerts:all`, `alerts:<county>` | every revision, trimmed by age; the record is the field `json` |
| hash `alert:<alert_id>` | the last revision, flat fields for panels and `json`; also the fence |
| sorted set `alerts:open`, `alerts:open:<county>` | what is open; score = level × 10¹³ + ms of opening |
| channel `alerts.hint` | `{alert_id, revision, stream_id}`: a nudge, never the record |

Redis Cluster: a script may touch one slot only, so give a prefix with a hash tag, such as `{anlan}:`; all
feeds then live in one slot, which a single node serves with room to spare. Durability is the server's: with
`appendfsync always` an acknowledged revision is on disk; with `everysec` a power cut may take its last
second, which an epoch that is committed already does not bring back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from itertools import islice
from typing import Any, cast

import msgspec
import redis
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from redis.backoff import NoBackoff
from redis.retry import Retry
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from alerts.model import LEVELS, Revision, to_us
from connectors.metrics import Metrics

CHUNK = 500  # revisions in one call, about 25 ms; the server answers nobody else meanwhile
UNKNOWN = "unknown"  # the county of an alert that has none: `alerts:unknown`
OPEN_STATES = frozenset({"open", "acked"})
TRANSIENT = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.ReadOnlyError,  # a replica that is about to be promoted
)


@dataclass(frozen=True)
class FeedRetention:
    """How long the feeds remember. A hash is the fence, so it must outlive the longest replay of the log."""

    streams: timedelta = timedelta(days=7)
    closed_alerts: timedelta = timedelta(days=30)


class RedisAlertSink(FixedPartitionedSink[list[Revision], None]):
    """Publish revisions to the streams, hashes, sorted sets and hints, at most 500 in one atomic script call.

    Parallel by: nothing; a feed has one order, and one connection writes far more than a city opens.
    Delivery: at least once, and each `(alert_id, revision)` once in the streams: the alert's hash holds the
    last revision, its content hash and engine epoch, and the script leaves out what was written before. A
    revision that comes again with another content is counted, and the greater engine epoch wins.
    On failure: waits with growing, jittered pauses and tries again for `patience`, then stops the flow.
    """

    def __init__(
        self,
        url: str,
        metrics: Metrics,
        *,
        prefix: str = "",
        retention: FeedRetention | None = None,
        patience: timedelta = timedelta(seconds=60),
        on_written: Callable[[list[Revision]], None] | None = None,
    ) -> None:
        """`on_written` is told, after each call, which revisions readers now see for the first time."""
        self._url = url
        self._metrics = metrics
        self._prefix = prefix
        self._retention = retention or FeedRetention()
        self._patience = patience
        self._on_written = on_written

    def list_parts(self) -> list[str]:
        """One partition: one order."""
        return ["feed"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> RedisAlertWriter:
        """Open the connection; what to resume from is in Redis itself."""
        publisher = _Publisher(_client(self._url), self._prefix, self._retention)
        retrying = _retrying(self._patience, self._metrics)
        return RedisAlertWriter(publisher, retrying, self._metrics, self._on_written)


class RedisAlertWriter(StatefulSinkPartition[list[Revision], None]):
    """The open connection of `RedisAlertSink`. Nothing waits in it: what was written was acknowledged."""

    def __init__(
        self,
        publisher: _Publisher,
        retrying: Retrying,
        metrics: Metrics,
        on_written: Callable[[list[Revision]], None] | None,
    ) -> None:
        self._publisher = publisher
        self._retrying = retrying
        self._metrics = metrics
        self._on_written = on_written

    def write_batch(self, values: list[list[Revision]]) -> None:
        """Write all revisions in order and wait for the acknowledgement of each chunk."""
        for chunk in _chunks(revision for revisions in values for revision in revisions):
            with self._metrics.flush_seconds.labels("redis").time():
                verdicts = self._write(chunk)
            self._account(chunk, verdicts)

    def _write(self, chunk: list[Revision]) -> list[str]:
        try:
            return self._retrying(self._publisher.write, chunk)
        except TRANSIENT as error:
            raise ConnectionError(
                f"redis must take {len(chunk)} revisions; got `{error}` until patience ran out"
                f" ({self._publisher.address}); mend it and start again, the last epoch is kept"
            ) from error

    def _account(self, chunk: list[Revision], verdicts: list[str]) -> None:
        written = [r for r, said in zip(chunk, verdicts, strict=True) if said in ("written", "replaced")]
        self._metrics.rows_written.labels("redis", "alerts").inc(len(written))
        for reason in ("duplicate", "older"):
            if left_out := verdicts.count(reason):
                self._metrics.rows_skipped.labels("redis", reason).inc(left_out)
        if differing := verdicts.count("mismatch") + verdicts.count("replaced"):
            self._metrics.hashes_mismatched.labels("redis").inc(differing)
        if written and self._on_written:
            self._on_written(written)

    def snapshot(self) -> None:
        """Nothing to keep: everything handed over was acknowledged."""

    def close(self) -> None:
        """Close the connection."""
        self._publisher.close()


class _Publisher:
    """One connection and the script; knows the order of the script's arguments."""

    def __init__(self, client: redis.Redis, prefix: str, retention: FeedRetention) -> None:
        self._client = client
        self._script = client.register_script(
            files("connectors").joinpath("redis_publish.lua").read_text(encoding="utf-8")
        )
        self._stream = f"{prefix}alerts:all"
        keep_ms = retention.streams // timedelta(milliseconds=1)
        keep_closed = int(retention.closed_alerts.total_seconds())
        self._head: list[Any] = [prefix, keep_ms, keep_closed]

    def write(self, chunk: list[Revision]) -> list[str]:
        """One script call; the verdict of each revision."""
        arguments = [*self._head, *map(_entry, chunk)]
        said = cast(list[bytes], self._script(keys=[self._stream], args=arguments))
        return [word.decode() for word in said]

    @property
    def address(self) -> str:
        """Host and port, without the password of the url."""
        known = self._client.connection_pool.connection_kwargs
        return f"{known.get('host', 'socket')}:{known.get('port', '')}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class AlertReader:
    """Read a feed as a subscriber should: keep the greatest `(revision, engine_epoch)` of each alert.

    What comes again, or behind what is known, is counted in `duplicates` and not handed on.
    On failure: raises what the client raises; `position` stays, so asking again loses nothing.
    """

    def __init__(self, url: str, *, prefix: str = "", county: str | None = None, after: str = "0-0") -> None:
        """Read after the stream id `after`; `county` reads that county's stream alone."""
        self._client = _client(url)
        self._prefix = prefix
        self._stream = f"{prefix}alerts:{county or 'all'}"
        self._open = f"{prefix}alerts:open" + (f":{county}" if county else "")
        self._decode = msgspec.json.Decoder(Revision).decode
        self.position = after
        self.alerts: dict[str, Revision] = {}
        self.duplicates = 0

    def read(self, count: int = 1000, wait: timedelta = timedelta(0)) -> list[Revision]:
        """What the next `count` entries say that is not known; waits for the first, at most 5 s."""
        block_ms = min(wait, timedelta(seconds=5)) // timedelta(milliseconds=1) or None
        answer: Any = self._client.xread({self._stream: self.position}, count=count, block=block_ms)
        entries = [entry for _, entries in _streams(answer) for entry in entries]
        if entries:
            self.position = entries[-1][0].decode()
        revisions = (self._decode(fields[b"json"]) for _, fields in entries)
        return [revision for revision in revisions if self.take(revision)]

    def take(self, revision: Revision) -> bool:
        """Follow the reader's rule for one revision; whether it says something."""
        known = self.alerts.get(revision.alert_id)
        if known and _rank(revision) <= _rank(known):
            self.duplicates += 1
            return False
        self.alerts[revision.alert_id] = revision
        return True

    def open_alerts(self) -> list[Revision]:
        """What is open now, the highest level first and the latest opened first within it."""
        ids = cast(list[bytes], self._client.zrevrange(self._open, 0, -1))
        pipeline = self._client.pipeline(transaction=False)
        for alert_id in ids:
            pipeline.hget(f"{self._prefix}alert:{alert_id.decode()}", "json")
        return [self._decode(json) for json in pipeline.execute() if json]

    def snapshot(self) -> list[Revision]:
        """Start from what is open now: afterwards `read` goes on without a hole; overlaps are duplicates."""
        last: Any = self._client.xrevrange(self._stream, count=1)
        self.position = last[0][0].decode() if last else self.position
        return [revision for revision in self.open_alerts() if self.take(revision)]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _rank(revision: Revision) -> tuple[int, int]:
    return revision.revision, revision.engine_epoch


def _streams(answer: Any) -> Any:
    """The pairs (stream, entries) of an XREAD, whichever protocol version the connection speaks."""
    if isinstance(answer, dict):
        return [(stream, [entry for part in parts for entry in part]) for stream, parts in answer.items()]
    return answer or []


def _client(url: str) -> redis.Redis:
    """A connection whose only patience is ours: the client itself never tries again."""
    return redis.Redis.from_url(
        url, socket_timeout=10, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0), protocol=2
    )


def _retrying(patience: timedelta, metrics: Metrics) -> Retrying:
    def count(_: RetryCallState) -> None:
        metrics.flushes_retried.labels("redis").inc()

    return Retrying(
        retry=retry_if_exception_type(TRANSIENT),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        stop=stop_after_delay(patience),
        before_sleep=count,
        reraise=True,
    )


def _chunks(revisions: Iterator[Revision]) -> Iterator[list[Revision]]:
    while chunk := list(islice(revisions, CHUNK)):
        yield chunk


class _Entry(msgspec.Struct):
    """What the script takes for one revision; packed into one argument, which is cheaper than thirty."""

    alert_id: str
    revision: int
    content_hash: str
    engine_epoch: int
    county: str
    rank: int  # of the level while the alert is open, else 0
    opened_ms: str
    json: str
    flat: list[str]  # name, value, name, value … of the hash


def _entry(revision: Revision) -> bytes:
    county = revision.region.county or ""
    entry = _Entry(
        alert_id=revision.alert_id,
        revision=revision.revision,
        content_hash=revision.content_hash,
        engine_epoch=revision.engine_epoch,
        county=county if county.isdigit() else UNKNOWN,
        rank=LEVELS.index(revision.level) + 1 if revision.state in OPEN_STATES else 0,
        opened_ms=str(to_us(revision.detected_at) // 1000),
        json=msgspec.json.encode(revision).decode(),
        flat=[word for pair in _flat(revision).items() for word in pair],
    )
    return msgspec.msgpack.encode(entry)


def _flat(revision: Revision) -> dict[str, str]:
    """The fields that panels read; absent is empty, so that nothing old stays behind."""
    region = revision.region
    return {
        "rule": revision.rule,
        "purpose": revision.purpose,
        "origin": revision.origin,
        "state": revision.state,
        "reason": revision.reason,
        "level": revision.level,
        "level_max": revision.level_max,
        "confidence": revision.confidence,
        "key": msgspec.json.encode(revision.key, order="sorted").decode(),
        "township": region.township or "",
        "village": region.village or "",
        "grid": region.grid or "",
        "text_zh": revision.text.zh,
        "text_en": revision.text.en,
        "count": str(revision.count),
        "first_occurred_at": revision.first_occurred_at.isoformat(),
        "last_occurred_at": revision.last_occurred_at.isoformat(),
        "detected_at": revision.detected_at.isoformat(),
        "published_at": revision.published_at.isoformat(),
        "due": revision.due.isoformat() if revision.due else "",
        "stage": revision.stage or "",
    }
