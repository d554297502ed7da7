"""Receipts, from a real broker to the rows of the pool: each once, and what is no receipt stops nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, run_main
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Receipt
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_schema import FOR_EVER
from connectors.clickhouse_spool import decode_rows, encode_rows
from connectors.kafka import RawProducer, ensure_topics
from connectors.kafka_receipts import ReceiptError, ReceiptSource, add_receipts, read_receipt
from connectors.metrics import Metrics

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
RECEIPT = Receipt("5d1f0c9e-0000-5000-8000-000000000000", 2, "duty-officer", "sms", "sent", AT, "gateway 7")


def record(**changes: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(RECEIPT) | changes)


def deep(name: bytes) -> bytes:
    """A receipt with a member that is nested deeper than anybody reads."""
    return record()[:-1] + b',"' + name + b'":' + DEEP + b"}"


@pytest.fixture
def topic(bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}alert-receipts.v1"
    ensure_topics(bootstrap, {name: 2})
    return name


def send(bootstrap: str, topic: str, *values: bytes) -> None:
    with RawProducer(bootstrap) as producer:
        for number, value in enumerate(values):
            producer.send(topic, value, partition=number % 2)


def read(bootstrap: str, topic: str, metrics: Metrics, recovery: Path | None = None) -> list[Poolable]:
    out: list[tuple[str, list[Poolable]]] = []
    flow = Dataflow("receipts_flow")
    records = op.input("receipts", flow, ReceiptSource(bootstrap, topic, until_end=True))
    rows = add_receipts(records, metrics)
    op.output("out", rows, TestingSink(out))
    config = RecoveryConfig(str(recovery)) if recovery else None
    run_main(flow, epoch_interval=timedelta(0), recovery_config=config)
    return [row for _, found in out for row in found]


def test_a_receipt_is_read_as_it_was_sent() -> None:
    assert read_receipt(record()) == RECEIPT


@pytest.mark.parametrize(
    ("body", "reason", "sentence"),
    [
        (b"", "bad_json", "receipt must be JSON; got `Input data was truncated`"),
        (b"\xff{}", "bad_json", "receipt must be JSON; got `JSON is malformed: .*`"),
        (b'{"detail": "\xff"}', "bad_json", "receipt must be JSON; got .*"),
        (DEEP, "bad_json", "receipt must be JSON; got `maximum recursion depth exceeded"),
        (deep(b"nobody_knows"), "bad_json", "receipt must be JSON; got `maximum recursion depth exceeded"),
        (deep(b"detail"), "bad_value", r"got `Expected `str`, got `object` - at `\$.detail``"),
        (b"[]", "bad_value", "receipt must be as its schema says; got `Expected `object`, got `array``"),
        (record(state="lost"), "bad_value", r"got `Invalid enum value 'lost' - at `\$.state``"),
        (record(revision=0), "bad_value", r"`int` >= 1 - at `\$.revision``"),
        (record(alert_id="13912345678"), "bad_value", r"matching regex .* - at `\$.alert_id``"),
        (record(happened_at="2026-03-01T08:30:00"), "bad_value", r"timezone component - at `\$.happened_at``"),
        (record(happened_at="0001-01-01T00:00:00Z"), "bad_time", "must happen in our time; got `0001-01-01T00:00:00"),
    ],
)
def test_what_is_no_receipt_says_why(body: bytes, reason: str, sentence: str) -> None:
    with pytest.raises(ReceiptError, match=sentence) as told:
        read_receipt(body)

    assert told.value.reason == reason


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(msgspec.json.encode))
def test_no_bytes_do_anything_but_say_why(body: bytes) -> None:
    with pytest.raises(ReceiptError):
        read_receipt(body)


def test_what_names_a_person_is_not_kept() -> None:
    found = read_receipt(record(receiver="13912345678", detail="已发送至13912345678"))

    assert "139" not in found.receiver + found.detail


@given(
    st.text(min_size=1, max_size=100), st.lists(st.sampled_from(["叫张三", "甘A12345", "a@b.cn", "13912345678", " "]))
)
def test_what_is_kept_of_a_receipt_can_wait_in_the_spool(receiver: str, detail: list[str]) -> None:
    found = read_receipt(record(receiver=receiver, detail="，".join(detail)[:500]))

    assert decode_rows(encode_rows([found])) == [found]


@pytest.mark.integration
def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(bootstrap: str, topic: str) -> None:
    metrics = Metrics()
    send(bootstrap, topic, record(), b"{", record(state="read"), record(revision=-1), b"", deep(b"nobody_knows"))

    found = read(bootstrap, topic, metrics)

    assert {row.state for row in found if isinstance(row, Receipt)} == {"sent", "read"}
    assert metrics.value("anlan_receipts_received_total") == 6
    assert metrics.value("anlan_receipts_dropped_total", reason="bad_json") == 3
    assert metrics.value("anlan_receipts_dropped_total", reason="bad_value") == 1


@pytest.mark.integration
def test_a_flow_goes_on_where_it_was(bootstrap: str, topic: str, tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    send(bootstrap, topic, record(), record(state="delivered"))
    first = read(bootstrap, topic, Metrics(), tmp_path)
    send(bootstrap, topic, record(state="read"))

    second = read(bootstrap, topic, Metrics(), tmp_path)

    assert len(first) == 2
    assert [row.state for row in second if isinstance(row, Receipt)] == ["read"]


@pytest.mark.integration
def test_receipts_that_the_topic_forgot_are_told_and_stop_nothing(
    bootstrap: str, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(bootstrap, topic, record(), record(state="read"))
    part = ReceiptSource(bootstrap, topic).build_part("s", "receipts", {f"{topic}/0": 900})

    found: list[Any] = []
    while len(found) < 2:
        found += [each for records in part.next_batch() for each in records]

    assert f"receipts_missed partition={topic}/0 next=900 oldest=0" in caplog.text
    part.close()


@pytest.mark.integration
def test_the_same_receipt_twice_is_one_row(pool_dsn: str) -> None:
    with Pool(pool_dsn) as pool:
        pool.migrate(FOR_EVER)
        for _ in range(2):
            writer = PoolSink(pool_dsn, Metrics()).build_part("pool", "pool", None)
            writer.write_batch([[RECEIPT, msgspec.structs.replace(RECEIPT, state="read")]])
            writer.close()

        rows = pool.rows("SELECT * FROM deliveries FINAL ORDER BY state DESC")

    assert [msgspec.convert(row, Receipt).state for row in rows] == ["sent", "read"]
    assert msgspec.convert(rows[0], Receipt) == RECEIPT
