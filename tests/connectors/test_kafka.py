"""What the Kafka connectors promise, against a real broker."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from broker_talk import (
    NOON,
    REGIONS,
    Clock,
    arrival,
    arrivals,
    fill,
    names,
    read_log,
    taken,
    until,
    write,
)

from alerts.model import DeadLetter, Slice, Tick, from_us
from connectors import kafka_log, kafka_reader
from connectors.clickhouse_schema import Retention
from connectors.embedded import Broker
from connectors.kafka import (
    ACTIONS,
    ALERTS,
    ALERTS_NOW,
    DEAD_LETTERS,
    INTAKE_LOG,
    RECEIPTS,
    BrokerError,
    DeadLetterSink,
    IntakeLogSink,
    LogSource,
    RawProducer,
    RawRecord,
    Reader,
    count_records,
    ends,
    ensure_topics,
    partitions_of,
    read_all,
    read_topic,
    topics,
)
from connectors.kafka_topics import topic_config
from connectors.log_record import decode, encode_event, encode_tick
from connectors.log_writer import county_of
from connectors.metrics import Metrics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.fixture
def raw(bootstrap: str, topic_prefix: str) -> str:
    topic = f"{topic_prefix}raw.police"
    ensure_topics(bootstrap, {topic: 2})
    return topic


@pytest.fixture(params=[1, 4], ids=["1 partition", "4 partitions"])
def log(request: pytest.FixtureRequest, bootstrap: str, topic_prefix: str) -> str:
    topic = f"{topic_prefix}events.v1"
    ensure_topics(bootstrap, {topic: request.param})
    return topic


# topics


def test_an_installation_has_a_raw_topic_for_each_channel_and_six_of_its_own() -> None:
    assert topics(["police", "hotline"], raw_partitions=2, log_partitions=4) == {
        "raw.police": 2,
        "raw.hotline": 2,
        DEAD_LETTERS: 1,
        INTAKE_LOG: 4,
        ALERTS: 1,
        ALERTS_NOW: 1,
        ACTIONS: 1,
        RECEIPTS: 1,
    }


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("events.v1", {"retention.ms": "-1", "max.message.bytes": "4100000"}),
        ("staging.alerts.v1", {"retention.ms": "-1", "max.message.bytes": "4100000"}),
        (
            "staging.alerts.now.v1",
            {"cleanup.policy": "compact,delete", "retention.ms": "34560000000", "max.message.bytes": "4100000"},
        ),
        (
            "deadletters.v1",
            {
                "retention.ms": "2592000000",
                "message.timestamp.type": "LogAppendTime",
                "max.message.bytes": "4100000",
            },
        ),
        ("alert-actions.v1", {"retention.ms": "604800000", "message.timestamp.type": "LogAppendTime"}),
        ("alert-receipts.v1", {"retention.ms": "604800000", "message.timestamp.type": "LogAppendTime"}),
        ("raw.police", {"message.timestamp.type": "LogAppendTime"}),
        ("other", {}),
    ],
)
def test_a_broker_is_told_how_to_keep_what_is_ours(topic: str, told: dict[str, str]) -> None:
    assert topic_config(topic) == told


def test_a_sealed_row_stays_no_longer_than_in_the_pool() -> None:
    assert Retention().dead_letters == timedelta(milliseconds=int(topic_config("deadletters.v1")["retention.ms"]))


def test_topics_are_made_once_and_left_as_they_are(bootstrap: str, topic_prefix: str) -> None:
    a, b = f"{topic_prefix}a", f"{topic_prefix}b"
    first = ensure_topics(bootstrap, {a: 3})

    second = ensure_topics(bootstrap, {a: 5, b: 1})

    assert first == {a: 3}
    assert second == {a: 3, b: 1}
    assert partitions_of(bootstrap, [b, a]) == second


def test_a_missing_topic_is_refused_and_not_made_by_asking(bootstrap: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}nobody"

    for _ in range(2):
        with pytest.raises(BrokerError) as told:
            partitions_of(bootstrap, [topic])

    assert str(told.value) == (
        f"topics must exist before they are used; got no `{topic}` ({bootstrap}); make them, or give our user its"
        " rights: `anlan access process` prints them"
    )


def test_a_broker_that_is_not_there_is_told_within_the_time_given() -> None:
    with pytest.raises(BrokerError, match=r"broker must answer within 0\.5 s; got .*\(127\.0\.0\.1:1\)"):
        ensure_topics("127.0.0.1:1", {"a": 1}, seconds=0.5)


# bytes in, bytes out


def test_a_record_comes_out_as_it_was_sent(bootstrap: str, raw: str) -> None:
    sent_ms = time.time_ns() // 1_000_000 - 5  # an old time would let a broker delete it at once
    with RawProducer(bootstrap) as producer:
        producer.send(raw, b"row", {"mapping": b"police/1"}, sent_ms, key=b"k", partition=1)

    assert list(read_all(bootstrap, {(raw, 0): -1, (raw, 1): -1})) == [
        RawRecord(raw, 1, 0, b"k", b"row", {"mapping": b"police/1"}, sent_ms * 1000)
    ]
    assert producer.delivered == 1


def test_the_ends_of_a_topic_are_true_after_a_batch_of_many(bootstrap: str, raw: str) -> None:
    with RawProducer(bootstrap) as producer:
        for number in range(100):
            producer.send(raw, b"%d" % number, partition=0)

    found = ends(bootstrap, [(raw, 0), (raw, 1)])

    end, last = found[raw, 0]
    assert end == 100
    assert last is not None
    assert last.value == b"99"
    assert found[raw, 1] == (0, None)


def test_a_row_too_large_is_refused_at_once(bootstrap: str, raw: str) -> None:
    with RawProducer(bootstrap) as producer, pytest.raises(BrokerError) as told:
        producer.send(raw, b"x" * 1_100_000)

    assert str(told.value).endswith(f"(1100000 bytes for `{raw}`)")


def test_what_could_not_be_delivered_is_counted_and_raised(tmp_path: Path) -> None:
    with Broker(tmp_path) as mortal:
        ensure_topics(mortal.bootstrap, {"a": 1})
        producer = RawProducer(mortal.bootstrap, patience=5.0)
        producer.send("a", b"1")
        producer.flush()
        mortal.kill()
        producer.send("a", b"2")

        with pytest.raises(BrokerError, match="all records must be delivered; got 1 given up, the first with"):
            producer.flush()

        assert (producer.delivered, producer.failed) == (1, 1)


def test_a_broker_that_went_away_is_told_in_the_log_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with Broker(tmp_path) as mortal:
        ensure_topics(mortal.bootstrap, {"a": 1})
        with Reader(mortal.bootstrap, {("a", 0): -1}) as reader:
            until(lambda: reader.read() or reader.has_seen_the_end)
            mortal.kill()

            until(lambda: reader.read(0.05) or "broker_away" in caplog.text)
            for _ in range(40):
                reader.read(0.05)

    assert len(caplog.records) == 1
    assert capfd.readouterr().err == ""


def test_an_offset_beyond_the_end_is_refused(bootstrap: str, raw: str) -> None:
    with RawProducer(bootstrap) as producer:
        producer.send(raw, b"row", partition=0)

    with pytest.raises(BrokerError) as told:
        Reader(bootstrap, {(raw, 0): 7})

    assert str(told.value) == (
        "the topic must be as long as when it was last read; got the end 1, 7 is next"
        f" ({raw}, partition 0); was the broker emptied or replaced?"
    )


def test_an_offset_that_is_gone_is_refused(bootstrap: str, raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_reader, "bounds_of", lambda consumer, place: (50, 90))

    with pytest.raises(BrokerError) as told:
        Reader(bootstrap, {(raw, 1): 7})

    assert str(told.value) == (
        "the next record must still be in the topic; got 50 as the oldest, 7 is next"
        f" ({raw}, partition 1); keep the topic for longer than the flow can be down"
    )


def test_a_broker_that_stands_still_for_a_while_costs_nothing(tmp_path: Path) -> None:
    with Broker(tmp_path) as stalled:
        ensure_topics(stalled.bootstrap, {"a": 1})
        producer = RawProducer(stalled.bootstrap)
        producer.send("a", b"0")
        producer.flush()
        with Reader(stalled.bootstrap, {("a", 0): 1}) as reader:
            os.kill(stalled.pid, signal.SIGSTOP)
            producer.send("a", b"1")
            nothing = [reader.read(0.05) for _ in range(10)]
            os.kill(stalled.pid, signal.SIGCONT)
            producer.flush()

            assert not any(nothing)
            assert [record.value for record in until(reader.read)] == [b"1"]


def test_whoever_waits_for_a_broker_does_not_keep_a_core_busy(tmp_path: Path) -> None:
    topics = dict.fromkeys("abcd", 1)
    with Broker(tmp_path) as stalled:
        ensure_topics(stalled.bootstrap, topics)
        with RawProducer(stalled.bootstrap) as producer, Reader(stalled.bootstrap, {("a", 0): 0}) as reader:
            for topic in topics:
                producer.send(topic, b"0")
            producer.flush()
            os.kill(stalled.pid, signal.SIGSTOP)
            began, busy = time.monotonic(), time.process_time()
            for number in range(2_000):
                producer.send("abcd"[number % 4], b"1" * 300)
                if number % 40 == 0:
                    reader.read(0.02)
            busy, passed = time.process_time() - busy, time.monotonic() - began
            os.kill(stalled.pid, signal.SIGCONT)

    assert busy < 0.5 * passed


# the intake log


def test_events_come_back_in_the_order_they_were_admitted(bootstrap: str, log: str) -> None:
    clock = Clock()
    write(bootstrap, log, [arrivals(0, 300), arrivals(300, 1), arrivals(301, 199)], clock)

    got = taken(read_log(bootstrap, log))

    assert [one.event.id for one in got] == [f"e{number}" for number in range(500)]
    assert [one.arrived_us for one in got] == [NOON + number for number in range(500)]
    assert all(one.event.arrived_at == from_us(one.arrived_us) for one in got)
    assert (got[7].source, got[7].produced_us) == ("kafka:raw.police/0/7", NOON - 7)


def test_a_batch_is_readable_at_once_without_a_tick(bootstrap: str, log: str) -> None:
    part = LogSource(bootstrap, log).build_part("s", "log", None)
    write(bootstrap, log, [arrivals(0, 50)], Clock())
    slices: list[Slice] = []

    until(lambda: slices.extend(part.next_batch()) or len(taken(slices)) == 50)

    assert slices[-1].clock_us == NOON + 49


def test_a_tick_stands_in_every_partition_and_moves_the_clock(bootstrap: str, log: str) -> None:
    clock, metrics = Clock(), Metrics()
    count = partitions_of(bootstrap, [log])[log]
    part = IntakeLogSink(bootstrap, clock, log, metrics).build_part("s", "log", None)
    part.write_batch([[Tick(from_us(NOON - 99))]])
    clock.now_us += 1_000_000
    part.write_batch([[Tick(from_us(NOON - 99))]])
    part.snapshot()

    records = list(read_topic(bootstrap, log))

    assert count_records(bootstrap, log) == len(records)
    assert [record.partition for record in sorted(records, key=lambda r: r.partition)] == sorted([*range(count)] * 2)
    assert {decode(record.value, {}, "")[0] for record in records} == {NOON, NOON + 1_000_000}
    assert [(s.clock_us, s.arrivals) for s in read_log(bootstrap, log)][-1] == (NOON + 1_000_000, [])
    assert metrics.value("anlan_ticks_written_total") == 2 * count


def test_a_county_stays_in_one_partition(bootstrap: str, topic_prefix: str) -> None:
    log = f"{topic_prefix}events.v1"
    ensure_topics(bootstrap, {log: 4})
    write(bootstrap, log, [arrivals(0, 140)], Clock())
    homes: dict[str, set[int]] = {}

    for record in read_all(bootstrap, {(log, partition): -1 for partition in range(4)}):
        _, one = decode(record.value, record.headers, record.source)
        if one is not None:
            homes.setdefault(county_of(one.event), set()).add(record.partition)
            assert record.key == county_of(one.event).encode()
            assert record.produced_us == one.arrived_us // 1000 * 1000

    assert set(homes) == {region or "000000" for region in REGIONS}
    assert all(len(home) == 1 for home in homes.values())
    assert len(set.union(*homes.values())) > 1


@pytest.mark.parametrize("state", [0, NOON + 5_000_000], ids=["from the log", "from the snapshot"])
def test_arrivals_rise_through_a_restart_with_the_clock_set_back(
    bootstrap: str, log: str, state: int, caplog: pytest.LogCaptureFixture
) -> None:
    write(bootstrap, log, [arrivals(0, 20)], Clock(NOON))
    back = Clock(NOON - 60_000_000)

    with caplog.at_level(logging.ERROR, logger="anlan.kafka"):
        write(bootstrap, log, [arrivals(20, 20)], back, state)

    got = taken(read_log(bootstrap, log))
    assert [one.event.id for one in got] == [f"e{number}" for number in range(40)]
    assert [one.arrived_us for one in got] == sorted({one.arrived_us for one in got})
    assert got[20].arrived_us == max(NOON + 20, state + 1)
    assert "log_ahead_of_clock" in caplog.text


def test_a_reader_that_restarts_anywhere_repeats_nothing_and_loses_nothing(bootstrap: str, log: str) -> None:
    write(bootstrap, log, [arrivals(first, 40) for first in range(0, 200, 40)], Clock())
    state, slices, lives = None, [], 0
    deadline = time.monotonic() + 20

    while len(taken(slices)) < 200 and time.monotonic() < deadline:
        part = LogSource(bootstrap, log, batch=17 + lives).build_part("s", "log", state)
        slices += until(part.next_batch)
        state, lives = part.snapshot(), lives + 1
        part.close()

    assert names(slices) == [f"e{number}" for number in range(200)]
    assert lives > 3


def test_a_partition_that_runs_ahead_is_held_and_nothing_is_lost(
    bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_log, "HELD_AT_MOST", 300)
    log = f"{topic_prefix}events.v1"
    ensure_topics(bootstrap, {log: 2})
    part = LogSource(bootstrap, log, batch=100).build_part("s", "log", None)
    slices: list[Slice] = []
    with RawProducer(bootstrap) as producer:
        for number in range(5000):
            value = encode_event(arrival(number).event, NOON + number)
            producer.send(log, value, partition=0)
        producer.flush()
        until(lambda: slices.extend(part.next_batch()) or part._paused)
        for _ in range(50):
            slices.extend(part.next_batch())
        held = part._order.held(0)
        for at in range(0, 5000, 100):
            producer.send(log, encode_tick(NOON + at), partition=1)
        producer.send(log, encode_tick(NOON + 5000), partition=1)
        producer.flush()
        until(lambda: slices.extend(part.next_batch()) or len(taken(slices)) >= 5000, 20)

    assert held <= 400
    assert names(slices) == [f"e{number}" for number in range(5000)]


def test_a_record_that_is_not_ours_is_an_error_that_says_where(bootstrap: str, log: str) -> None:
    with RawProducer(bootstrap) as producer:
        producer.send(log, b'{"id":1}', partition=0)
    part = LogSource(bootstrap, log).build_part("s", "log", None)

    with pytest.raises(ValueError) as told:
        until(part.next_batch)

    assert str(told.value).startswith("intake log must hold events, ticks and rule books; got `")
    assert str(told.value).endswith(f"(kafka:{log}/0/0)")


# a crash of the intake

INTAKE = """
import os, signal, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main
from alerts.model import Arrival, Event
from connectors.kafka import IntakeLogSink, RawSource

bootstrap, raw, log, folder = sys.argv[1:5]
batches_left = int(sys.argv[5])
folder = Path(folder)
if not folder.exists():
    folder.mkdir()
    init_db_dir(folder, 1)

def admit(record):
    region = f"6201{int(record.value) % 90:02}"
    event = Event(record.value.decode(), "police", "received", datetime.now(UTC), region=region)
    return Arrival(event, 0, record.source)

def admit_all(records):
    global batches_left
    batches_left -= 1
    if not batches_left:
        os.kill(os.getpid(), signal.SIGKILL)
    return "log", [admit(record) for record in records]

flow = Dataflow("intake")
rows = op.input("raw", flow, RawSource(bootstrap, [raw], until_end=True, batch=40))
admitted = op.map("admit", rows, admit_all)
op.output("log", admitted, IntakeLogSink(bootstrap, lambda: time.time_ns() // 1000, log))
recovery = RecoveryConfig(folder, timedelta(0))
run_main(flow, epoch_interval=timedelta(milliseconds=20), recovery_config=recovery)
"""


def test_an_intake_that_is_killed_loses_nothing_and_its_arrivals_rise(
    bootstrap: str, raw: str, log: str, tmp_path: Path
) -> None:
    fill(bootstrap, raw, range(4000))
    command = [sys.executable, "-c", INTAKE, bootstrap, raw, log, str(tmp_path / "state")]

    lives = ["20", "45", "9", "-1"]  # after so many batches it kills itself
    ended = [subprocess.run([*command, batches], timeout=30).returncode for batches in lives]

    got = taken(read_log(bootstrap, log))
    assert ended == [-signal.SIGKILL, -signal.SIGKILL, -signal.SIGKILL, 0]
    assert {int(one.event.id) for one in got} == set(range(4000))
    assert len({one.source for one in got}) == 4000
    assert [one.arrived_us for one in got] == sorted({one.arrived_us for one in got})
    assert all(one.event.arrived_at == from_us(one.arrived_us) for one in got)  # no stamp had to be mended


# dead letters


def test_a_dead_letter_is_written_and_one_too_large_loses_only_its_sealed_row(
    bootstrap: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}deadletters.v1"
    ensure_topics(bootstrap, {topic: 1})
    letter = DeadLetter("d1", "kafka:raw.police/0/7", "bad_time", "must have a time", from_us(NOON), sealed="x")
    large = msgspec.structs.replace(letter, id="d2", sealed="x" * 5_000_000)
    part = DeadLetterSink(bootstrap, topic).build_part("s", "letters", None)
    part.write_batch([[letter], [large]])
    part.snapshot()

    records = list(read_all(bootstrap, {(topic, 0): -1}))

    assert [record.key for record in records] == [b"d1", b"d2"]
    assert [msgspec.json.decode(record.value, type=DeadLetter) for record in records] == [
        letter,
        msgspec.structs.replace(large, sealed=""),
    ]
