"""The books of detection: every record of the log is linked, a duplicate or a heartbeat, and nothing twice."""

from __future__ import annotations

import logging
from functools import partial

import pytest
from revisions import a_revision
from small_city import Run, make_rule, report

from alerts.detection import Shard
from alerts.eviction import Eviction
from alerts.failing import Failure
from alerts.linking import Linking
from alerts.model import Arrival, Event, Slice, from_us
from connectors.metrics import Metrics
from connectors.registry import load_channels
from dataflows.books import SELDOM, Books

AT = 1_772_409_600_000_000


def arrival(name: str, minute: int, action: str = "received", source: str = "") -> Arrival:
    at = AT + minute * 60_000_000
    event = Event(id=name, channel="police", action=action, occurred_at=from_us(at))  # type: ignore[arg-type]
    return Arrival(event, at, source)


def test_what_the_log_holds_adds_up() -> None:
    metrics = Metrics()
    linking = Linking([], load_channels(), 1)
    log = [
        arrival("a", 0, source="file:x:1"),
        arrival("a", 1, source="file:x:1"),  # the intake wrote it twice
        arrival("a", 2, source="file:y:7"),  # somebody sent it twice
        arrival("b", 3),
        arrival("beat", 4, "heartbeat"),
    ]

    Books(metrics).enter(linking.take(Slice(log[-1].arrived_us, log))[0], linking)

    linked = metrics.value("anlan_events_linked_total", channel="police", reason="first")
    duplicated = metrics.value("anlan_events_duplicated_total", channel="police")
    beats = metrics.value("anlan_heartbeats_read_total", channel="police")
    assert (linked, duplicated, beats) == (2, 2, 1)
    assert linked + duplicated + beats == len(log)


def test_keys_that_are_forgotten_and_rules_that_raise_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    books = Books(metrics)
    shard = Shard([make_rule()])
    shard.failures = [Failure("test.threshold", "m", 0, ("0", "x"), "ValueError", "alerts.kinds.count:1")]
    shard.evictions = [Eviction("test.threshold", 7, 0), Eviction("test.threshold", 2, 5)]

    with caplog.at_level(logging.WARNING):
        books.note(shard)

    assert metrics.value("anlan_rules_failed_total", rule="test.threshold") == 1
    assert metrics.value("anlan_keys_evicted_total", rule="test.threshold") == 9
    assert metrics.value("anlan_caps_exceeded_total", rule="test.threshold") == 1
    assert [record.getMessage() for record in caplog.records] == [
        "rule_failed rule=test.threshold error=ValueError place=alerts.kinds.count:1",
        "keys_evicted rule=test.threshold keys=7 over=0",
    ]


def test_the_longest_key_of_all_shards_is_shown() -> None:
    metrics = Metrics()
    books = Books(metrics)
    run = Run(make_rule(), shards=4)
    for number in range(5):
        run.tell(report(f"a-{number}", number, pair="a"))
        run.tell(report(f"b-{number}", number, pair=f"b-{number}"))

    for shard in run.pipeline.shards:
        books.weigh(shard)

    assert metrics.value("anlan_longest_key_kept_count", rule="test.threshold") == 5
    assert metrics.value("anlan_keys_kept_count", rule="test.threshold") == 6


class SlowShard(Shard):
    """A shard with so many keys that it takes two seconds to look at them all."""

    def __init__(self, clock: list[float]) -> None:
        super().__init__([make_rule()])
        self.looked_at: list[float] = []
        self._clock = clock

    def sizes(self) -> list[tuple[str, int, int, int]]:
        self.looked_at.append(self._clock[0])
        self._clock[0] += 2.0
        return super().sizes()


def test_where_weighing_takes_long_it_comes_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("dataflows.books.time.monotonic", lambda: clock[0])
    books, shard = Books(Metrics()), SlowShard(clock)

    for _ in range(400):
        books.weigh(shard)
        clock[0] += 5.0

    assert shard.looked_at == [1_000.0, 1_000.0 + 2.0 + SELDOM * 2.0]


@pytest.mark.parametrize("is_sooner", [False, True], ids=["expected", "there sooner"])
def test_how_long_an_alert_took_is_known_whichever_of_two_sinks_is_first(is_sooner: bool) -> None:
    metrics = Metrics()
    books = Books(metrics)
    revision = a_revision("a", 1, from_us(AT))
    expect = partial(books.expect, [("a", 1, AT)])
    publish = partial(books.published, [revision], lambda: AT / 1e6 + 3)

    for happens in (publish, expect) if is_sooner else (expect, publish):
        happens()
    books.expect([("b", 1, 0)])  # nothing was produced: a deadline, say

    rule = revision.rule
    assert metrics.value("anlan_alert_published_seconds_count", rule=rule) == 1
    assert metrics.value("anlan_alert_published_seconds_sum", rule=rule) == pytest.approx(3)


def test_rules_that_raised_in_another_process_are_given_up_here() -> None:
    books = Books(Metrics())
    failures = [Failure("r", "m", 0, ("0", key), "ValueError", "alerts.kinds.count:1") for key in "xyz"]

    for failure in failures:
        assert books.failing.given_up() == {}
        books.failed([failure])

    assert books.failing.given_up() == {"r": "m"}
