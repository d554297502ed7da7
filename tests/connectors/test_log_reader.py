"""A log that is handed over in the process: the same records at the same places as the broker gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from broker_talk import NOON, Clock, arrival, arrivals, names, read_log, taken, until, write

from alerts.model import Slice
from connectors.handover import Handover
from connectors.kafka import IntakeLogSink, LogSource, RawProducer, ensure_topics
from connectors.log_record import encode_event
from connectors.metrics import Metrics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.fixture(params=[1, 4], ids=["1 partition", "4 partitions"])
def log(request: pytest.FixtureRequest, bootstrap: str, topic_prefix: str) -> str:
    topic = f"{topic_prefix}events.v1"
    ensure_topics(bootstrap, {topic: request.param})
    return topic


class Process:
    """The sink and the source of a log in one process, with what is handed over between them."""

    def __init__(self, bootstrap: str, log: str, state: Any = None, at_most: int = 1_000) -> None:
        self.handover = Handover(at_most)
        self.metrics = Metrics()
        self.sink = IntakeLogSink(bootstrap, Clock(), log, handover=self.handover).build_part("s", "log", None)
        source = LogSource(bootstrap, log, metrics=self.metrics, handover=self.handover)
        self.source = source.build_part("s", "log", state)
        self.slices: list[Slice] = []

    def read_until(self, holds: Callable[[], bool]) -> None:
        until(lambda: self.slices.extend(self.source.next_batch()) or holds())

    def reads(self, count: int) -> None:
        self.read_until(lambda: len(taken(self.slices)) >= count)

    def warm_up(self) -> int:
        """Write and read until every partition is handed over; how many events that took."""
        for first in range(0, 10_000, 10):
            if len(self.handed) == len(self.source._reader.places):
                return first
            self.sink.write_batch([arrivals(first, 10)])
            self.reads(first + 10)
        raise AssertionError("every partition must be handed over within 10,000 events")

    @property
    def handed(self) -> set[Any]:
        return self.source._reader._handed

    def close(self) -> None:
        self.source.close()
        self.sink.close()


@pytest.fixture
def process(bootstrap: str, log: str) -> Any:
    process = Process(bootstrap, log)
    yield process
    process.close()


def test_what_is_handed_over_is_what_the_broker_gives(bootstrap: str, log: str, process: Process) -> None:
    count = process.warm_up()
    for first in range(count, count + 500, 50):
        process.sink.write_batch([arrivals(first, 50)])
        process.reads(first + 50)

    assert len(process.handed) == len(process.source._reader.places)
    assert taken(process.slices) == taken(read_log(bootstrap, log))
    assert names(process.slices) == [f"e{number}" for number in range(count + 500)]


def test_nothing_is_given_before_the_broker_has_it(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    count = process.warm_up()
    monkeypatch.setattr(process.handover, "hear", lambda: None)
    process.sink.write_batch([arrivals(count, 10)])

    assert [process.source.next_batch() for _ in range(20)] == [[]] * 20
    monkeypatch.undo()
    process.reads(count + 10)


def test_the_position_is_that_of_the_log(bootstrap: str, log: str, process: Process) -> None:
    process.sink.write_batch([arrivals(0, 100)])
    process.reads(100)
    state = process.source.snapshot()
    process.sink.write_batch([arrivals(100, 50)])
    process.sink.snapshot()
    again = LogSource(bootstrap, log).build_part("s", "log", state)
    slices: list[Slice] = []
    until(lambda: slices.extend(again.next_batch()) or len(taken(slices)) >= 50)

    assert names(slices) == [f"e{number}" for number in range(100, 150)]


def test_what_somebody_else_writes_in_between_is_read_from_the_broker(
    bootstrap: str, log: str, process: Process
) -> None:
    count = process.warm_up()
    with RawProducer(bootstrap) as stranger:
        stranger.send(log, encode_event(arrival(900).event, NOON + 9), partition=0)
    process.sink.write_batch([arrivals(count, 20)])
    process.reads(count + 21)
    process.sink.write_batch([arrivals(count + 20, 20)])
    process.reads(count + 41)

    assert "e900" in names(process.slices)
    assert taken(process.slices) == taken(read_log(bootstrap, log))


def test_a_reader_that_was_behind_reads_from_the_broker_until_it_is_there(bootstrap: str, log: str) -> None:
    write(bootstrap, log, [arrivals(0, 3_000)], Clock(NOON - 1_000_000))
    process = Process(bootstrap, log, at_most=50)
    process.sink.write_batch([arrivals(3_000, 200)])
    process.sink.snapshot()
    process.reads(3_200)
    for first in range(3_200, 3_300, 20):
        process.sink.write_batch([arrivals(first, 20)])
        process.reads(first + 20)

    assert process.handed
    assert names(process.slices) == [f"e{number}" for number in range(3_300)]
    process.close()


def test_a_log_that_is_another_suddenly_is_read_from_the_broker_which_tells(process: Process) -> None:
    process.warm_up()
    process.handover.sent(0, b"the first record of another log", {})
    process.handover.stored(0, 0)
    process.source.next_batch()

    assert process.handed == set()


def test_a_partition_that_is_left_alone_gives_nothing_until_it_goes_on(process: Process) -> None:
    count, reader = process.warm_up(), process.source._reader
    for place in reader.places:
        reader.pause(place)
    process.sink.write_batch([arrivals(count, 100)])
    process.sink.snapshot()
    nothing = [process.source.next_batch() for _ in range(20)]
    for place in reader.places:
        reader.resume(place)
    process.reads(count + 100)

    assert nothing == [[]] * 20
    assert names(process.slices) == [f"e{number}" for number in range(count + 100)]


def test_that_it_reads_is_told(process: Process, log: str) -> None:
    count = process.warm_up()
    process.source._reader._reader._told_at = 0.0
    process.sink.write_batch([arrivals(count, 100)])
    process.reads(count + 100)

    told = process.metrics.value("anlan_record_read_timestamp_seconds", topic=log, partition="0")
    assert told > 0
