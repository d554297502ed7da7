"""What the Kafka connectors promise where a broker keeps its data on disk: outages, restarts, what is gone for good."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from broker_talk import Clock, arrivals, names, numbers_of, read_log, until
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from revisions import a_revision

from alerts.model import Revision, from_us
from connectors import kafka_client, kafka_producer
from connectors.apache_kafka import ApacheKafka
from connectors.kafka import (
    AlertTopicSink,
    BrokerError,
    BrokerWatch,
    IntakeLogSink,
    LogSource,
    OffsetGoneError,
    RawProducer,
    RawRecord,
    RawSource,
    Reader,
    ensure_topics,
    log_bounds,
    read_all,
)
from connectors.kafka_producer import ENDLESS
from connectors.metrics import Metrics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def values(bootstrap: str, topic: str) -> list[int]:
    return [int(record.value) for record in read_all(bootstrap, {(topic, 0): -1})]


def outage(kafka: ApacheKafka, meanwhile: Callable[[], object]) -> None:
    """Kill the broker, do something while it is away, start it again: whatever comes of it."""
    kafka.kill()
    try:
        meanwhile()
    finally:
        kafka.start()


def delete_up_to(bootstrap: str, topic: str, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        answer.result(10)


def ask_for_jars(cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What one who has nothing of Kafka yet is told by the line of deploy/README.md."""
    line = "from connectors.apache_kafka import jars; print(jars())"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), **environment}
    return subprocess.run(
        [sys.executable, "-c", line], env=environment, capture_output=True, text=True, check=False, timeout=170
    )


@pytest.mark.usefixtures("kafka")
def test_programs_that_are_not_there_yet_are_fetched(tmp_path: Path) -> None:
    folder = Path(ask_for_jars(tmp_path).stdout.strip())

    assert folder.is_relative_to(tmp_path)
    assert {"kafka_2.13-3.9.1.jar", "kafka-tools-3.9.1.jar"} <= {path.name for path in folder.iterdir()}


@pytest.mark.usefixtures("kafka")
def test_who_cannot_fetch_them_is_told_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "java").symlink_to(str(shutil.which("java")))

    asked = ask_for_jars(tmp_path, PATH=str(tmp_path))

    assert asked.returncode == 1
    assert f"needs `mvn` to fetch its programs; got none in the path, and nothing in {tmp_path}" in asked.stderr


def test_a_killed_broker_comes_back_on_its_port_with_its_data(kafka: ApacheKafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    with RawProducer(kafka.bootstrap) as producer:
        producer.send(topic, b"1")
    before = kafka.bootstrap

    outage(kafka, lambda: None)

    assert kafka.bootstrap == before
    assert values(before, topic) == [1]
    assert log_bounds(before, topic) == {0: (0, 1)}


def test_an_outage_costs_a_flow_no_record_and_doubles_none(kafka: ApacheKafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    endless = RawProducer(kafka.bootstrap, ENDLESS)
    hasty = RawProducer(kafka.bootstrap, 0.5)

    def send_on() -> None:
        for number in range(1000, 2000):
            endless.send(topic, b"%d" % number)
        hasty.send(topic, b"9999")
        with pytest.raises(BrokerError, match="all records must be delivered; got 1"):
            hasty.flush()
        endless.check()

    for number in range(1000):
        endless.send(topic, b"%d" % number)
        endless.check()
    outage(kafka, send_on)
    for number in range(2000, 2100):
        endless.send(topic, b"%d" % number)
    endless.flush()

    assert values(kafka.bootstrap, topic) == list(range(2100))


def test_a_full_queue_holds_the_sender_until_the_broker_is_back(kafka: ApacheKafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    producer = RawProducer(kafka.bootstrap, ENDLESS, queue_kbytes=1000)
    sent: list[int] = []

    def send_all() -> None:
        for number in range(3000):
            producer.send(topic, b"%d" % number + b" " * 1000)
            sent.append(number)
        producer.flush()

    sender = threading.Thread(target=send_all)

    def fill() -> None:
        sender.start()
        until(lambda: len(sent) > 500 and len(sent) == (time.sleep(0.2), len(sent))[1])

    outage(kafka, fill)
    held = len(sent)
    sender.join(60)

    assert held < 1100
    assert values(kafka.bootstrap, topic) == list(range(3000))


@pytest.mark.parametrize("is_full", [False, True], ids=["in a flush", "at a full queue"])
def test_a_stop_ends_the_waiting_after_its_bound(kafka: ApacheKafka, topic_prefix: str, is_full: bool) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    stop = threading.Event()
    producer = RawProducer(kafka.bootstrap, ENDLESS, stop=stop, stop_seconds=1.0, queue_kbytes=100)
    told: list[str] = []

    def write() -> None:
        for _ in range(1000 if is_full else 10):
            producer.send(topic, b" " * 1000)
        producer.flush()

    def wait() -> None:
        stop.set()
        began = time.monotonic()
        with pytest.raises(BrokerError) as error:
            write()
        told.append(str(error.value))
        assert 0.9 < time.monotonic() - began < 5

    outage(kafka, wait)

    assert told[0].endswith("; nothing is lost, the next start goes on from the last snapshot")
    assert "1 s after the stop" in told[0]


def test_reading_goes_on_through_a_restart_of_the_broker(kafka: ApacheKafka, topic_prefix: str) -> None:
    raw, log = f"{topic_prefix}raw.police", f"{topic_prefix}events.v1"
    ensure_topics(kafka.bootstrap, {raw: 2, log: 3})
    sink = IntakeLogSink(kafka.bootstrap, Clock(), log).build_part("s", "log", None)
    rows = RawSource(kafka.bootstrap, [raw]).build_part("s", "raw", None)
    slices = LogSource(kafka.bootstrap, log).build_part("s", "log", None)
    producer = RawProducer(kafka.bootstrap, ENDLESS)
    got_rows: list[list[RawRecord]] = []
    got: list[str] = []

    def look() -> None:
        got_rows.extend(rows.next_batch())
        got.extend(names(slices.next_batch()))

    def write(first: int) -> None:
        sink.write_batch([arrivals(first, 100)])
        for number in range(first, first + 100):
            producer.send(raw, b"%d" % number, partition=number % 2)

    for round_number in range(3):
        write(round_number * 200)
        look()

        def meanwhile(first: int = round_number * 200 + 100) -> None:
            write(first)
            for _ in range(20):
                look()

        outage(kafka, meanwhile)
    until(lambda: look() or (len(set(got)) == len(set(numbers_of(got_rows))) == 600), 60)
    sink.snapshot()

    # a batch whose acknowledgement died with the broker may stand in a topic twice, with the sources that it had
    assert list(dict.fromkeys(got)) == [f"e{number}" for number in range(600)]
    assert got == names(read_log(kafka.bootstrap, log))
    assert list(dict.fromkeys(numbers_of(got_rows))) == list(range(600))


def test_one_line_says_that_the_broker_is_away_and_one_that_it_is_back(
    kafka: ApacheKafka, topic_prefix: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    metrics = Metrics()
    watch = BrokerWatch(kafka.bootstrap, metrics)
    readers = [Reader(kafka.bootstrap, {(topic, 0): -1}, watch=watch) for _ in range(2)]
    producer = RawProducer(kafka.bootstrap, ENDLESS, watch=watch)
    seen: list[float] = []

    def listen() -> bool:
        for reader in readers:
            reader.read(0.02)
        producer.check()
        return watch.is_away

    until(lambda: listen() or all(reader.has_seen_the_end for reader in readers))
    with caplog.at_level(logging.WARNING, logger="anlan.kafka"):
        outage(kafka, lambda: (until(listen), seen.append(metrics.value("anlan_broker_missed_state"))))
        until(lambda: not listen())

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[0] == f"broker_away bootstrap={kafka.bootstrap} everything waits until it is back"
    assert lines[1].startswith("broker_back seconds=")
    assert seen == [1]
    assert metrics.value("anlan_broker_missed_state") == 0
    assert capfd.readouterr().err == ""


def test_an_offset_that_retention_took_is_refused_at_the_start_and_while_running(
    kafka: ApacheKafka, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    with RawProducer(kafka.bootstrap) as producer:
        for number in range(100):
            producer.send(topic, b"%d" % number)
    with Reader(kafka.bootstrap, {(topic, 0): 10}, batch=5) as running:
        first = until(running.read)
        running.pause((topic, 0))
        delete_up_to(kafka.bootstrap, topic, 50)
        running.resume((topic, 0))

        with pytest.raises(OffsetGoneError, match=f"the next record must still be in the topic; got .*{topic}"):
            until(lambda: running.read() and False, 30)
    with pytest.raises(OffsetGoneError, match="got 50 as the oldest, 10 is next"):
        Reader(kafka.bootstrap, {(topic, 0): 10})

    assert int(first[0].value) == 10
    assert log_bounds(kafka.bootstrap, topic) == {0: (50, 100)}


def test_what_the_broker_will_never_take_is_said_at_once(kafka: ApacheKafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}a"  # takes a megabyte
    ensure_topics(kafka.bootstrap, {topic: 1})
    producer = RawProducer(kafka.bootstrap, ENDLESS, largest_bytes=4_000_000)
    producer.send(topic, b"0")
    producer.flush()
    noise = bytes(hash((at, topic)) % 256 for at in range(2_000_000))
    producer.send(topic, noise)

    with pytest.raises(BrokerError, match="got 1 given up, the first with `Broker: Message size too large`"):
        producer.flush()


def test_a_topic_that_is_deleted_is_said_and_not_waited_for(
    kafka: ApacheKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"{topic_prefix}a"
    # the library gives a topic that it does not see half a minute to appear
    soon = {"topic.metadata.propagation.max.ms": 1_000, "topic.metadata.refresh.interval.ms": 500}
    monkeypatch.setattr(kafka_producer, "client_config", lambda *of: kafka_client.client_config(*of) | soon)
    ensure_topics(kafka.bootstrap, {topic: 1})
    producer = RawProducer(kafka.bootstrap, ENDLESS)
    producer.send(topic, b"0")
    producer.flush()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(10)
    producer.send(topic, b"1")

    with pytest.raises(BrokerError, match=f"must be delivered; got 1 given up, the first with .*{topic}"):
        producer.flush()


def in_now(bootstrap: str, topic: str) -> list[tuple[str, int]]:
    found = [msgspec.json.decode(record.value, type=Revision) for record in read_all(bootstrap, {(topic, 0): -1})]
    return [(each.alert_id, each.revision) for each in found]


def compact_at_once(bootstrap: str, topic: str) -> None:
    wanted = {"segment.ms": "50", "min.cleanable.dirty.ratio": "0.01"}
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in wanted.items()]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": bootstrap})  # held until the answer is in
    admin.incremental_alter_configs([resource])[resource].result(10)


def test_a_compacted_topic_keeps_the_last_revision_and_no_restart_brings_an_older_one_back(
    kafka: ApacheKafka, topic_prefix: str
) -> None:
    topic, now = f"{topic_prefix}alerts.v1", f"{topic_prefix}alerts.now.v1"
    ensure_topics(kafka.bootstrap, {topic: 1, now: 1})
    compact_at_once(kafka.bootstrap, now)
    at = from_us(1_772_000_000_000_000)
    issued = [
        a_revision("a", number, at + timedelta(seconds=number), content_hash=str(number)) for number in range(1, 6)
    ]
    sink = AlertTopicSink(kafka.bootstrap, topic, now_topic=now)
    part = sink.build_part("s", "alerts", None)
    before = part.snapshot()
    part.write_batch([issued])
    part.close()

    with RawProducer(kafka.bootstrap) as producer:  # a segment is closed, and so compacted, when the next one begins

        def only_the_last_is_there() -> bool:
            producer.send(now, msgspec.json.encode(a_revision("b", 1, at)), key=b"b")
            producer.flush()
            return [found for found in in_now(kafka.bootstrap, now) if found[0] == "a"] == [("a", 5)]

        until(only_the_last_is_there, 60)
    again = sink.build_part("s", "alerts", before)
    again.write_batch([issued])
    again.snapshot()
    again.close()

    assert [found for found in in_now(kafka.bootstrap, now) if found[0] == "a"] == [("a", 5)]
    assert in_now(kafka.bootstrap, topic) == [("a", number) for number in range(1, 6)]


def test_a_flow_that_starts_while_the_broker_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"broker must answer within 0.2 s; got .*127\.0\.0\.1:1"):
        log_bounds("127.0.0.1:1", "events.v1", seconds=0.2)
