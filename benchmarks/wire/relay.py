"""The least that can stand between the broker and Redis: a consumer that puts marked events into a stream.

`python -m benchmarks.wire.relay BOOTSTRAP REDIS PREFIX STREAM`; it runs until it is killed. One consumer reads the
four topics, as the flow does, with the same settings of the client; each batch that came is one pipeline of `XADD`.
"""

from __future__ import annotations

import sys

import redis
from confluent_kafka import Consumer, TopicPartition

from benchmarks.wire.feeder import CHANNELS, MARK

BATCH = 1_000
WAIT_SECONDS = 0.001
_MARK = f'"{MARK}"'.encode()


def relay(bootstrap: str, address: str, prefix: str, stream: str) -> None:
    """Read from the ends on, for ever."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "relay",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,
        }
    )
    places = [TopicPartition(prefix + channel, 0) for channel in CHANNELS]
    for place in places:
        _, place.offset = consumer.get_watermark_offsets(place, timeout=30)
    consumer.assign(places)
    client = redis.Redis.from_url(address, protocol=2)
    print("ready", flush=True)
    while True:
        came = (one.value() or b"" for one in consumer.consume(BATCH, WAIT_SECONDS))
        marked = [value for value in came if _MARK in value]
        if marked:
            pipeline = client.pipeline(transaction=False)
            for value in marked:
                pipeline.xadd(stream, {"json": value}, maxlen=100_000)
            pipeline.execute()


if __name__ == "__main__":
    relay(*sys.argv[1:])
