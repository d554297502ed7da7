"""A consumer as every reader of ours has it, and where a partition begins and ends."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.address import Where
from connectors.kafka_client import CLIENT, PATIENCE_SECONDS, BrokerError, client_config
from connectors.kafka_names import BrokerNames
from connectors.kafka_refusal import remedy
from connectors.kafka_watch import Ear

PREFETCH_KBYTES = 32_768
REFRESH_MS = 60_000  # after which a partition that was added is known

_PASSING = {  # a topic was made a moment ago, or its leader moves
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT,
}


def consumer_of(bootstrap: Where, ear: Ear | None = None, prefetch_kbytes: int = PREFETCH_KBYTES) -> Consumer:
    """One that joins no group, and reads where it is told; close it when done."""
    return Consumer(
        {
            **client_config(bootstrap, ear),
            "topic.metadata.refresh.interval.ms": REFRESH_MS,
            # asked for by the library; no group is joined and nothing committed
            "group.id": BrokerNames(bootstrap).there(CLIENT),
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,  # enough for the embedded broker to look through a long partition
            "fetch.queue.backoff.ms": 10,
            "fetch.error.backoff.ms": 100,
            "queued.max.messages.kbytes": prefetch_kbytes,
        }
    )


def bounds_of(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The oldest offset of a partition and its end, as the broker tells them; waits for a leader."""
    end = time.monotonic() + PATIENCE_SECONDS
    told, code = "nothing", 0
    while time.monotonic() < end:
        try:
            bounds = consumer.get_watermark_offsets(place, timeout=PATIENCE_SECONDS, cached=False)
        except KafkaException as failure:
            told, code = failure.args[0].str(), failure.args[0].code()
            if code not in _PASSING:
                break
            time.sleep(0.05)
        else:
            if bounds is not None:
                return bounds
    raise BrokerError(
        f"the ends of a topic must be known within {PATIENCE_SECONDS:g} s; got `{told}`"
        f" ({place.topic}, partition {place.partition}){remedy(code)}"
    )
