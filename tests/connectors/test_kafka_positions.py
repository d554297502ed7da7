"""Where the intake goes on when its snapshot is lost: behind what stands in the log, with an hour to spare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from alerts.duration import HOUR_US
from alerts.model import Arrival, Event, from_us
from connectors.kafka import IntakeLogSink, ensure_topics
from connectors.kafka_positions import raw_positions

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

NOON = 1_767_240_000_000_000


@pytest.fixture
def log(bootstrap: str, topic_prefix: str) -> str:
    topic = f"{topic_prefix}events.v1"
    ensure_topics(bootstrap, {topic: 3})
    return topic


def write(bootstrap: str, topic: str, sources: Sequence[tuple[int, *tuple[str, ...]]]) -> None:
    """Events in the log, each admitted at its instant from its source, and where that was in an upstream log."""
    instants: Iterator[int] = iter([NOON])
    part = IntakeLogSink(bootstrap, lambda: next(instants), topic).build_part("log", "log", None)
    for number, (instant, source, *upstream) in enumerate(sources):
        instants = iter([instant])
        event = Event(f"e{number}", "police", "received", from_us(NOON), region=f"6201{number % 7:02}")
        part.write_batch([[Arrival(event, 0, source, 0, *upstream)]])
    part.snapshot()
    part.close()


def test_it_goes_on_behind_what_arrived_before_the_last_hour(bootstrap: str, log: str) -> None:
    old = [(NOON + n, f"kafka:raw.police/0/{n}") for n in range(40)] + [(NOON + 50, "kafka:raw.hotline/1/7#3")]
    new = [(NOON + 2 * HOUR_US + n, f"kafka:raw.police/0/{40 + n}") for n in range(5)]
    write(bootstrap, log, [*old, *new])
    assert raw_positions(bootstrap, log) == {"raw.police/0": 40, "raw.hotline/1": 8}


def test_a_topic_that_spoke_only_now_and_files_have_no_position(bootstrap: str, log: str) -> None:
    write(bootstrap, log, [(NOON, "file:map/rows.csv@1:7"), (NOON + 2 * HOUR_US, "kafka:raw.police/0/0")])
    assert raw_positions(bootstrap, log) == {}


def test_an_empty_log_says_nothing(bootstrap: str, log: str) -> None:
    assert raw_positions(bootstrap, log) == {}


def test_an_upstream_log_is_read_on_where_it_was_read_and_not_where_its_rows_stood(bootstrap: str, log: str) -> None:
    rows = [
        (NOON + 2 * HOUR_US * n, f"lanzhou/kafka:raw.police/0/{n}", f"lanzhou.events.v1/2/{70 + n}") for n in (0, 1)
    ]
    write(bootstrap, log, rows)

    assert raw_positions(bootstrap, log) == {"lanzhou.events.v1/2": 71}
