"""Several installations on one broker: what is ours begins with our name there, and nowhere else."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from connectors.address import Address
from connectors.kafka import RawProducer, RawSource, ensure_topics, log_bounds, partitions_of, read_topic
from connectors.kafka_client import client_config
from connectors.kafka_look import look_at_cluster
from connectors.kafka_names import BrokerNames
from connectors.kafka_settings import set_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

OURS = Address("", prefix="gansu.", others=("lanzhou.events.v1",))


def test_our_names_and_those_of_the_broker_lead_to_each_other() -> None:
    names = BrokerNames(OURS)

    assert [names.there(name) for name in ("events.v1", "lanzhou.events.v1")] == [
        "gansu.events.v1",
        "lanzhou.events.v1",
    ]
    assert [names.here(name) for name in ("gansu.events.v1", "lanzhou.events.v1", "lanzhou.alerts.v1")] == [
        "events.v1",
        "lanzhou.events.v1",
        None,
    ]


def test_two_installations_do_not_meet_and_one_reads_the_other(bootstrap: str, topic_prefix: str) -> None:
    below = Address(bootstrap, prefix=f"{topic_prefix}lanzhou.")
    log = BrokerNames(below).there("events.v1")
    above = Address(bootstrap, prefix=f"{topic_prefix}gansu.", others=(log,))
    for where, said in ((below, b"below"), (above, b"above")):
        assert ensure_topics(where, {"events.v1": 2}) == {"events.v1": 2}
        with RawProducer(where) as producer:
            producer.send("events.v1", said, partition=1)
        assert producer.ends == {("events.v1", 1): 1}

    assert [record.source for record in read_topic(above, log)] == [f"kafka:{log}/1/0"]
    assert [(record.source, record.value) for record in read_topic(above, "events.v1")] == [
        ("kafka:events.v1/1/0", b"above")
    ]
    assert log_bounds(below, "events.v1") == {0: (0, 0), 1: (0, 1)}
    assert partitions_of(above, [log, "events.v1"]) == {log: 2, "events.v1": 2}
    set_topic(below, "events.v1", {"retention.ms": "86400000"})
    [(topic, look)] = look_at_cluster(below, ["events.v1", log]).topics.items()
    assert (topic, look.partitions, (look.settings or {})["retention.ms"]) == ("events.v1", 2, "86400000")
    there = AdminClient(client_config(bootstrap)).list_topics(timeout=5).topics
    assert {name for name in there if name.startswith(topic_prefix)} == {log, f"{topic_prefix}gansu.events.v1"}


def test_saved_positions_of_both_have_the_names_that_we_use(bootstrap: str, topic_prefix: str) -> None:
    log = f"{topic_prefix}lanzhou.events.v1"
    above = Address(bootstrap, prefix=f"{topic_prefix}gansu.", others=(log,))
    ensure_topics(above, {"raw.police": 1, log: 1})
    with RawProducer(above) as producer:
        for topic in ("raw.police", log):
            producer.send(topic, b"one")
    part = RawSource(above, ["raw.police", log], until_end=True).build_part("raw", "raw", None)
    read: set[str] = set()
    while len(read) < 2:
        read |= {record.topic for records in part.next_batch() for record in records}

    assert read == {"raw.police", log}
    assert part.snapshot() == {"raw.police/0": 1, f"{log}/0": 1}
    part.close()
