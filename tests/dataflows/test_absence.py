"""Absence through the whole flow: a closing that comes late, and a channel silent over a thousand deadlines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main
from bytewax.testing import TestingSource

from alerts.alert import Draft
from alerts.model import Arrival, Event, Revision, Slice, from_us, to_us
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.books import Books
from dataflows.collect import ListSink
from dataflows.detect import add_detection

CHANNELS = load_channels()
FILES = [RULES_FOLDER / "service-quality/hotline_close.yaml", RULES_FOLDER / "operations/channel_silent.yaml"]
OWED, SILENT = "sla.hotline-close", "cs.channel-silent"
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = to_us(datetime.fromisoformat("2026-03-09T00:00:00+08:00"))
DUE = MONDAY + 7 * DAY + 10 * HOUR  # of what was accepted on Monday at ten: five working days later


def event(
    identity: str, at: int, action: str = "heartbeat", case: str | None = None, arrive: int | None = None
) -> Arrival:
    channel = "police" if identity.startswith("police") else "hotline"
    told = Event(id=identity, channel=channel, action=action, occurred_at=from_us(at), case=case, region="620102001")
    return Arrival(told, at if arrive is None else arrive)


def heartbeats(start: int, end: int, channel: str = "hotline") -> Iterator[Arrival]:
    for at in range(start, end, 10 * MINUTE):
        yield event(f"{channel}-heartbeat-{at}", at)


def run(arrivals: list[Arrival], workers: int = 1) -> list[Revision]:
    """Everything that is published while these records arrive; the log goes on afterwards."""
    rules = load_rules(FILES, CHANNELS)
    arrivals.sort(key=lambda arrival: arrival.arrived_us)
    slices = [
        Slice(arrivals[min(place + 100, len(arrivals)) - 1].arrived_us, arrivals[place : place + 100])
        for place in range(0, len(arrivals), 100)
    ]
    drafts: list[list[Draft]] = []
    flow = Dataflow("absence")
    source = TestingSource([*slices, Slice(slices[-1].clock_us + 1, [])])
    detected = add_detection(op.input("log", flow, source), rules, CHANNELS, 4, Books(Metrics()))
    op.output("out", detected.drafts, ListSink(drafts))
    cli_main(flow, workers_per_process=workers, epoch_interval=timedelta(days=1))
    return [draft.revision for part in drafts for draft in part]


def owed(revisions: list[Revision]) -> list[tuple[str, str, str, str]]:
    return [(r.state, r.level, r.reason, r.confidence) for r in revisions if r.rule == OWED]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_closing_just_before_the_deadline_that_is_delivered_late_leaves_no_lone_breach(workers: int) -> None:
    records = [event("a", MONDAY + 10 * HOUR, "accepted", "w1")]
    records += heartbeats(MONDAY + 9 * HOUR, DUE + 2 * HOUR)
    records.append(event("b", DUE - MINUTE, "closed", "w1", arrive=DUE + 29 * MINUTE))

    assert owed(run(records, workers)) == [
        ("open", "blue", "opened", "confirmed"),
        ("open", "yellow", "level_up", "confirmed"),
        ("retracted", "yellow", "late_evidence", "confirmed"),
    ]


def test_the_same_closing_delivered_before_anybody_vouches_says_no_breach_at_all() -> None:
    records = [event("a", MONDAY + 10 * HOUR, "accepted", "w1")]
    records += heartbeats(MONDAY + 9 * HOUR, DUE - 20 * MINUTE)
    records.append(event("b", DUE - MINUTE, "closed", "w1", arrive=DUE + 29 * MINUTE))
    records += heartbeats(DUE + 30 * MINUTE, DUE + 2 * HOUR)

    assert owed(run(records)) == [("open", "blue", "opened", "confirmed"), ("closed", "blue", "satisfied", "confirmed")]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_silent_channel_is_one_alert_and_no_breach_and_everything_is_right_when_it_is_back(workers: int) -> None:
    count, back = 1_000, DUE + 2 * HOUR
    records = list(heartbeats(MONDAY + 9 * HOUR, DUE)) + list(heartbeats(back, back + 3 * HOUR))
    records += heartbeats(MONDAY + 9 * HOUR, back + 3 * HOUR, "police")
    for number in range(count):  # due one after the other in the two hours of silence
        accepted = MONDAY + 10 * HOUR + 2 * HOUR * number // count
        records.append(event(f"a{number}", accepted, "accepted", f"w{number}"))
        if number % 2:  # closed in time; we hear of it when the channel is back
            records.append(event(f"b{number}", accepted + 7 * DAY - 5 * MINUTE, "closed", f"w{number}", back))
    revisions = run(records, workers)

    silent = [(r.state, r.reason, r.key) for r in revisions if r.rule == SILENT and r.key == {"channel": "hotline"}]
    assert [each[:2] for each in silent] == [("open", "opened"), ("closed", "quiet")]
    during = [r for r in revisions if DUE < to_us(r.published_at) < back and r.rule == OWED]
    assert during == []
    final: dict[str, Revision] = {}
    for revision in revisions:
        if revision.rule == OWED:
            final[revision.alert_id] = revision
    outcome = Counter((int(r.key["case"][1:]) % 2, r.state, r.level, r.confidence) for r in final.values())
    assert outcome == {
        (0, "open", "yellow", "confirmed"): count // 2,
        (1, "closed", "blue", "confirmed"): count // 2,
    }
    assert not [r for r in revisions if r.confidence == "data_gap"]
    told = [r for r in revisions if r.rule == OWED and r.level == "yellow" and int(r.key["case"][1:]) % 2]
    assert told == [], "what was kept in time is never called a breach, not even for a moment"
