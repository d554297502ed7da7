"""For peers that read Kafka: a broker of their own, filled with the events before they start."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.reference.environments import NotInstalledError, environment
from benchmarks.reference.lines import merged_lines
from benchmarks.reference.place import Command, Place, Ready
from connectors.embedded import Broker, PartError
from connectors.kafka_client import ensure_topics
from connectors.kafka_producer import RawProducer
from connectors.kafka_topics import INTAKE_LOG

CALLER = b'"caller":"'
TOKEN = 32  # characters


def kafka_module(name: str, python: str) -> Ready:
    """A program in Python that takes BROKER, TOPIC, the number of events and OUT; the key of an event is its caller."""

    @contextmanager
    def ready(place: Place) -> Iterator[Command]:
        interpreter = environment(python, place.scratch)
        with tempfile.TemporaryDirectory(dir=place.scratch) as folder, _broker(Path(folder)) as broker:
            topic = f"{uuid.uuid4().hex[:8]}.{INTAKE_LOG}"  # kept for ever, which some peers ask the broker about
            events = _fill(broker.bootstrap, topic, place.data)
            yield lambda out: [str(interpreter), "-m", name, broker.bootstrap, topic, str(events), str(out)]

    return ready


@contextmanager
def _broker(folder: Path) -> Iterator[Broker]:
    try:
        broker = Broker(folder)
        broker.start()
    except PartError as absent:
        raise NotInstalledError(str(absent)) from absent
    try:
        yield broker
    finally:
        broker.stop()


def _fill(bootstrap: str, topic: str, data: Path) -> int:
    """One partition with all events in the order in which they were reported; returns how many."""
    ensure_topics(bootstrap, {topic: 1})
    with RawProducer(bootstrap) as producer:
        for line in merged_lines(str(data)):
            start = line.index(CALLER) + len(CALLER)
            producer.send(topic, line.rstrip(b"\n"), key=line[start : start + TOKEN])
        producer.flush()
        return producer.delivered
