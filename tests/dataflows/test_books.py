"""The books of detection: every record of the log is linked, a duplicate or a heartbeat, and nothing twice."""

from __future__ import annotations

from alerts.linking import Linking
from alerts.model import Arrival, Event, Slice, from_us
from connectors.metrics import Metrics
from connectors.registry import load_channels
from dataflows.books import Books

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
