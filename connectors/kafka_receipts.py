"""Receipts: what became of a revision on its way to somebody, from a topic into the pool's `deliveries`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Event as Flag

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Stream
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import KeyedStream

from alerts.model import DETAIL_LENGTH, RECEIVER_LENGTH, Receipt
from connectors.address import Where
from connectors.clickhouse_rows import Poolable
from connectors.event_json import UNREADABLE
from connectors.kafka_client import Show, to_nobody
from connectors.kafka_raw import Offsets, RawSource
from connectors.kafka_reader import RawRecord, log_bounds
from connectors.kafka_topics import RECEIPTS
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics
from connectors.scrub import scrub

LOOK_EVERY = timedelta(milliseconds=20)  # never far away: a source that sleeps holds up everybody's snapshot
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # a table takes no other time

_decode = msgspec.json.Decoder(Receipt).decode
_log = logging.getLogger("anlan.receipts")


class ReceiptSource(FixedPartitionedSource[list[RawRecord], Offsets]):
    """Read the topic of receipts; an item is a list of records.

    Parallel by: nothing; one partition `receipts`.
    Delivery: at least once; the same receipt twice is one row of `deliveries`.
    On failure: waits through a broker that is away. Receipts that the topic forgot before they were read are
    missed, and the log says so: they are no reason to stop alerts.
    """

    def __init__(
        self,
        bootstrap: Where,
        topic: str = RECEIPTS,
        stop: Flag | None = None,
        *,
        metrics: Metrics | None = None,
        watch: BrokerWatch | None = None,
        until_end: bool = False,
        show: Show = to_nobody,
    ) -> None:
        """`show` is told now and then, and at each snapshot, what is read next."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._raw = RawSource(bootstrap, [topic], stop, metrics=metrics, watch=watch, until_end=until_end, show=show)

    def list_parts(self) -> list[str]:
        return ["receipts"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: Offsets | None
    ) -> StatefulSourcePartition[list[RawRecord], Offsets]:
        return _Unhurried(self._raw.build_part(step_id, for_part, self._still_there(resume_state or {})))

    def _still_there(self, offsets: Offsets) -> Offsets:
        """Of the positions those that the topic still has; else its beginning."""
        found: Offsets = {}
        for partition, (low, high) in log_bounds(self._bootstrap, self._topic).items():
            name = f"{self._topic}/{partition}"
            found[name] = offsets.get(name, low)
            if not low <= found[name] <= high:
                _log.warning("receipts_missed partition=%s next=%d oldest=%d", name, found[name], low)
                found[name] = low
        return found


class _Unhurried(StatefulSourcePartition[list[RawRecord], Offsets]):
    """Asks seldom: a look at the broker is time that alerts wait."""

    def __init__(self, part: StatefulSourcePartition[list[RawRecord], Offsets]) -> None:
        self._part = part

    def next_batch(self) -> Iterable[list[RawRecord]]:
        return self._part.next_batch()

    def next_awake(self) -> datetime:
        return datetime.now(UTC) + LOOK_EVERY

    def snapshot(self) -> Offsets:
        return self._part.snapshot()

    def close(self) -> None:
        self._part.close()


def add_receipts(records: Stream[list[RawRecord]], metrics: Metrics) -> KeyedStream[list[Poolable]]:
    """Read receipts; what comes out goes to the pool's sink. A record that is no receipt is counted and left out."""
    return op.filter_map("receipt-rows", records, _rows_of(metrics))


def _rows_of(metrics: Metrics) -> Callable[[list[RawRecord]], tuple[str, list[Poolable]] | None]:
    def rows(records: list[RawRecord]) -> tuple[str, list[Poolable]] | None:
        metrics.receipts_received.inc(len(records))
        found: list[Poolable] = [receipt for record in records if (receipt := _receipt(record, metrics)) is not None]
        return ("pool", found) if found else None

    return rows


def _receipt(record: RawRecord, metrics: Metrics) -> Receipt | None:
    try:
        return read_receipt(record.value)
    except ReceiptError as error:
        metrics.receipts_dropped.labels(reason=error.reason).inc()
        _log.warning("receipt_dropped reason=%s at=%s", error.reason, record.source)
        return None


class ReceiptError(ValueError):
    """A record is no receipt."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def read_receipt(body: bytes) -> Receipt:
    """A receipt, without what may name a person. Raises `ReceiptError`."""
    try:
        receipt = _decode(body)
    except msgspec.ValidationError as error:
        raise ReceiptError("bad_value", f"receipt must be as its schema says; got `{error}`") from None
    except UNREADABLE as error:
        raise ReceiptError("bad_json", f"receipt must be JSON; got `{error}`") from None
    if not EARLIEST <= receipt.happened_at < LATEST:
        raise ReceiptError("bad_time", f"receipt must happen in our time; got `{receipt.happened_at.isoformat()}`")
    # what stands for what was taken out may be longer than it
    receiver, detail = scrub(receipt.receiver)[:RECEIVER_LENGTH], scrub(receipt.detail)[:DETAIL_LENGTH]
    return msgspec.structs.replace(receipt, receiver=receiver, detail=detail)
