"""The figures of the live benchmark: latencies, and whether a queue builds up."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from alerts.model import Event
from benchmarks.live import Latency, _latency
from benchmarks.wire import feeder, reader
from benchmarks.wire.feeder import CHANNELS, MARK, SENT_AT, Feed, Sent, is_marked, sent_ns
from benchmarks.wire.installation import RULES, ServerKafka
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import load_rules

SECOND = 1_000_000_000


def a_feed(rate: float, seconds: float, one_in: int = 1) -> Feed:
    return Feed("", "raw.", rate, seconds, one_in, "run")


def found(delay_ms: list[float], rate: float, seconds: float) -> Latency:
    """Of events sent steadily, each seen after its delay."""
    sent = [int(number / rate * SECOND) for number in range(len(delay_ms))]
    seen = [(at, at + int(delay * 1e6)) for at, delay in zip(sent, delay_ms, strict=True)]
    return _latency(seen, a_feed(rate, seconds), Sent(int(rate * seconds), 0.0, int(seconds * SECOND)))


def test_the_percentiles_are_those_of_the_events_after_the_warm_up() -> None:
    told = found([9_000.0] * 200 + [10.0] * 780 + [90.0] * 20, 100, 10)

    assert (told.p50, round(told.p99), round(told.p999)) == (10.0, 90, 90)


def test_a_steady_delay_is_no_queue_and_one_that_grows_is() -> None:
    steady = found([100.0] * 1_000, 100, 10)
    growing = found([number * 5.0 for number in range(1_000)], 100, 10)

    assert (steady.on_way_middle, steady.is_queue) == (pytest.approx(0.1, abs=0.02), False)
    assert growing.is_queue


def test_events_that_never_come_are_on_their_way() -> None:
    assert found([10.0] * 500, 100, 10).on_way_end == pytest.approx(5.0, abs=0.05)


def test_a_run_that_shows_next_to_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="marked events must be seen in Redis; got 3"):
        found([10.0] * 3, 100, 10)


def test_what_is_seen_again_is_an_error() -> None:
    seen = [(at * SECOND, at * SECOND + 1) for at in range(200)]
    with pytest.raises(RuntimeError, match="must be seen once; got 1 seen again"):
        _latency([*seen, (7 * SECOND, 300 * SECOND)], a_feed(1, 200), Sent(200, 0.0, 200 * SECOND))


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ('{"id":"ev-bcd-7"}', True),
        ('{"revision":1,"evidence":["ev-bcd-7"]}', True),
        ('{"revision":2,"evidence":["ev-bcd-7"]}', False),
        ('{"revision":11,"evidence":["ev-bcd-7"]}', False),
    ],
)
def test_what_is_said_later_of_an_alert_is_no_second_sight_of_its_event(said: str, counts: bool) -> None:
    assert bool(reader._sent({b"json": said.encode()})) == counts


def test_the_broker_runs_as_a_server_runs_it() -> None:
    script = (Path(__file__).parents[2] / "deploy" / "server" / "kafka.sh").read_text()
    assert f"exec java {' '.join(ServerKafka.machine)} " in script


def test_a_report_says_when_it_was_sent_and_whether_it_is_marked() -> None:
    before = time.time_ns()
    reports = [msgspec.json.decode(feeder._report(a_feed(10, 1, 25), number), type=Event) for number in range(100)]

    sent = [sent_ns(each.id.removeprefix(SENT_AT).partition("-")[0]) for each in reports]
    assert sent == sorted(sent)
    assert before <= sent[0] <= sent[-1] <= time.time_ns()
    assert [each.subcategory == MARK for each in reports] == [is_marked(number, 25) for number in range(100)]
    assert {each.channel for each in reports if each.subcategory == MARK} == set(CHANNELS)


def test_its_rule_is_a_rule() -> None:
    assert [rule.id for rule in load_rules([RULES], load_channels(), load_calendars())] == ["bench.marked"]
