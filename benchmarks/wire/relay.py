"""The least that can stand between the broker and Redis: a consumer that puts marked events into a stream.

`python -m benchmarks.wire.relay BOOTSTRAP REDIS PREFIX STREAM [LOG]`; it runs until it is killed. One consumer reads
the four topics, as the flow does, with the same settings of the client; each batch that came is one pipeline of `XADD`.
With a LOG everything goes into that topic first, and what is read there goes on: nothing that keeps a log of what it
was given can be quicker.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.wire.feeder import CHANNELS, MARK

BATCH = 1_000
WAIT_SECONDS = 0.001
LINGER_MS = 1  # as the flow writes its log
_MARK = f'"{MARK}"'.encode()


def relay(bootstrap: str, address: str, prefix: str, stream: str, log: str = "") -> None:
    """Read from the ends on, for ever."""
    first = _reader(bootstrap, [prefix + channel for channel in CHANNELS])
    last = _reader(bootstrap, [log]) if log else first
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": LINGER_MS})
    client = redis.Redis.from_url(address, protocol=2)
    print("ready", flush=True)
    while True:
        came = _values(first)
        if log:
            for value in came:
                producer.produce(log, value)
            producer.poll(0)
            came = _values(last)
        if marked := [value for value in came if _MARK in value]:
            _put(client, stream, marked)


def _reader(bootstrap: str, topics: Sequence[str]) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "relay",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,
        }
    )
    places = [TopicPartition(topic, 0) for topic in topics]
    for place in places:
        _, place.offset = consumer.get_watermark_offsets(place, timeout=30)
    consumer.assign(places)
    return consumer


def _values(consumer: Consumer) -> list[bytes]:
    return [one.value() or b"" for one in consumer.consume(BATCH, WAIT_SECONDS)]


def _put(client: Any, stream: str, values: Sequence[bytes]) -> None:
    pipeline = client.pipeline(transaction=False)
    for value in values:
        pipeline.xadd(stream, {"json": value}, maxlen=100_000)
    pipeline.execute()


if __name__ == "__main__":
    relay(*sys.argv[1:])
