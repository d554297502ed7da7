"""What those who run a Kafka cluster do to it: they look at lag, set quotas, add partitions."""

from __future__ import annotations

import gc
import logging
import os

import pytest
from broker_talk import Clock, arrivals, drain, names, numbers_of, read_log, until, write
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from locked_kafka import LockedKafka

from connectors import kafka_consumer
from connectors.kafka import BrokerWatch, LogSource, RawProducer, RawRecord, RawSource, ensure_topics, read_all
from connectors.kafka_producer import ENDLESS
from connectors.kafka_progress import Progress

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def add_partitions(bootstrap: str, topic: str, count: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})  # held until the answer is in
    admin.create_partitions([NewPartitions(topic, count)])[topic].result(10)


def send(bootstrap: str, topic: str, partition: int, numbers: range) -> None:
    with RawProducer(bootstrap) as producer:
        for number in numbers:
            producer.send(topic, b"%d" % number, partition=partition)


def test_kafkas_own_tool_shows_how_far_a_flow_has_read(kafka: LockedKafka, topic_prefix: str) -> None:
    raw, group = f"{topic_prefix}raw.police", f"{topic_prefix}intake"
    ensure_topics(kafka.bootstrap, {raw: 1})
    send(kafka.bootstrap, raw, 0, range(5))
    progress = Progress(kafka.bootstrap)
    source = RawSource(kafka.bootstrap, [raw], show=lambda places: progress.show(group, places))
    part = source.build_part("s", "raw", None)
    until(part.next_batch)
    send(kafka.bootstrap, raw, 0, range(5, 8))

    part.snapshot()
    until(progress.answered)
    told = kafka.run(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        *("--bootstrap-server", kafka.bootstrap, "--describe", "--group", group),
    )
    part.close()

    # group, topic, partition, current offset, end, lag
    assert [line.split()[:6] for line in told.splitlines() if raw in line] == [[group, raw, "0", "5", "8", "3"]]


def test_a_flow_that_may_not_show_it_goes_on_and_says_so_once(
    kafka: LockedKafka, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = f"{topic_prefix}raw.police"
    ensure_topics(kafka.bootstrap, {raw: 1})
    kafka.add_user("shy", "a secret of its own")
    progress = Progress(kafka.user("shy"))

    for _ in range(3):
        progress.show("anlan.intake", {(raw, 0): 1})
        until(progress.answered)

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].startswith("progress_not_shown group=anlan.intake error=`")
    assert lines[0].endswith("; give our user its rights: `anlan access process` prints them")


@pytest.mark.timeout(30)
def test_what_is_refused_does_not_hold_up_the_end_of_a_process(kafka: LockedKafka, topic_prefix: str) -> None:
    """The client library waits for the answer as long as its session lasts, where the group has a coordinator."""
    raw = f"{topic_prefix}raw.police"
    ensure_topics(kafka.bootstrap, {raw: 1})
    allowed = Progress(kafka.bootstrap)
    allowed.show("anlan.intake", {(raw, 0): 1})
    until(allowed.answered)
    kafka.add_user("refused", "a secret of its own")
    progress = Progress(kafka.user("refused"))
    progress.show("anlan.intake", {(raw, 0): 1})
    until(progress.answered)

    del progress
    gc.collect()


def test_a_quota_slows_a_flow_loses_nothing_and_is_told(
    kafka: LockedKafka, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic = f"{topic_prefix}a"
    ensure_topics(kafka.bootstrap, {topic: 1})
    quota = ("--bootstrap-server", kafka.bootstrap, "--entity-type", "clients", "--entity-name", "anlan", "--alter")
    kafka.run("kafka.admin.ConfigCommand", *quota, "--add-config", "producer_byte_rate=10000")
    rows = [os.urandom(10_000) for _ in range(13)]

    try:
        with (
            caplog.at_level(logging.WARNING, logger="anlan.kafka"),
            RawProducer(kafka.bootstrap, ENDLESS, watch=BrokerWatch(kafka.bootstrap)) as producer,
        ):
            for row in rows:
                producer.send(topic, row)
                producer.check()
    finally:
        kafka.run("kafka.admin.ConfigCommand", *quota, "--delete-config", "producer_byte_rate")

    assert [record.value for record in read_all(kafka.bootstrap, {(topic, 0): -1})] == rows
    assert [line for line in caplog.messages if line.startswith("broker_missed error='held back by a quota for ")]


def test_a_partition_that_is_added_to_a_raw_topic_is_read_from_its_first_record(
    kafka: LockedKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_consumer, "REFRESH_MS", 200)
    raw = f"{topic_prefix}raw.police"
    ensure_topics(kafka.bootstrap, {raw: 1})
    part = RawSource(kafka.bootstrap, [raw]).build_part("s", "raw", None)
    got: list[list[RawRecord]] = []
    send(kafka.bootstrap, raw, 0, range(3))
    until(lambda: got.extend(part.next_batch()) or len(numbers_of(got)) == 3)

    add_partitions(kafka.bootstrap, raw, 3)
    send(kafka.bootstrap, raw, 2, range(3, 6))
    until(lambda: got.extend(part.next_batch()) or len(numbers_of(got)) == 6, 30)
    state = part.snapshot()
    part.close()

    assert numbers_of(got) == [0, 1, 2, 3, 4, 5]
    assert state == {f"{raw}/0": 3, f"{raw}/2": 3}


def test_partitions_added_to_the_log_are_written_and_read_from_the_next_start_on(
    kafka: LockedKafka, topic_prefix: str
) -> None:
    log = f"{topic_prefix}events.v1"
    ensure_topics(kafka.bootstrap, {log: 1})
    clock = Clock()
    state = write(kafka.bootstrap, log, [arrivals(0, 20)], clock)
    running = LogSource(kafka.bootstrap, log).build_part("s", "log", None)
    got: list[str] = []
    until(lambda: got.extend(names(running.next_batch())) or len(got) >= 19)

    add_partitions(kafka.bootstrap, log, 4)
    position = running.snapshot()
    running.close()
    clock.now_us += 1_000_000
    write(kafka.bootstrap, log, [arrivals(20, 20)], clock, state)
    again = LogSource(kafka.bootstrap, log, until_end=True).build_part("s", "log", position)
    slices: list[object] = []
    drain(again.next_batch, slices)
    again.close()

    assert got + names(slices) == names(read_log(kafka.bootstrap, log)) == [f"e{number}" for number in range(40)]
    assert {place.partition for place in read_all(kafka.bootstrap, {(log, p): -1 for p in range(4)})} == {0, 1, 2, 3}
