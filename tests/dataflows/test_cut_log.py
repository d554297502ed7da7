"""A log that was cut off at its beginning: what came before is read from the pool, and the feed goes on as it was."""

from __future__ import annotations

import shutil
import signal

import msgspec
import pytest
from acting import act, action
from cut_log import cut_off
from family_reports import family_reports, settled
from live_flow import LiveFlow, in_topic, logged_events, wait_until
from subscribing import revision_reader

from alerts.model import Arrival
from connectors.apache_kafka import ApacheKafka
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_faults
from connectors.kafka import INTAKE_LOG, RawProducer, log_bounds, raw_topic, read_all
from connectors.log_record import decode

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def events_of(seed: int, bootstrap: str) -> int:
    """How many of the reports of one seed are in the log."""
    places = {(INTAKE_LOG, partition): -1 for partition in log_bounds(bootstrap, INTAKE_LOG)}
    found = (decode(each.value, each.headers, each.source)[1] for each in read_all(bootstrap, places))
    return len({each.event.id for each in found if isinstance(each, Arrival) and each.event.id.startswith(f"e{seed}-")})


def test_no_alert_is_said_again_and_what_was_open_goes_on(live_flow: LiveFlow, apache_kafka: ApacheKafka) -> None:
    live_flow.broker = apache_kafka  # type: ignore[assignment]
    bootstrap = apache_kafka.bootstrap
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    with RawProducer(bootstrap) as producer:
        for event in family_reports(1, 200):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()
        reader = revision_reader(live_flow.valkey.url)
        wait_until(lambda: logged_events(bootstrap) >= 200, "every event must reach the log")
        wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
        taken = next(r for r in reader.alerts().values() if r.state == "open")
        act(live_flow, action("a1", "ack", taken.alert_id))
        assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
        before = in_topic(bootstrap)

        cut_off(bootstrap)
        shutil.rmtree(live_flow.folder / "state")
        live_flow.start()
        wait_until(lambda: "rebuild_done" in live_flow.said(), "the state must be rebuilt")
        assert in_topic(bootstrap)[: len(before)] == before
        for event in family_reports(2, 200):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        act(live_flow, action("a2", "show", taken.alert_id))
    wait_until(lambda: events_of(2, bootstrap) == 200, "every event must reach the log")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    live_flow.start()  # what stands in the log by now is worked off when it says so
    wait_until(lambda: "catch_up_done" in live_flow.said(), "the flow must catch up")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]

    assert "rebuild_began from=pool_and_intake_log" in live_flow.said()
    after = in_topic(bootstrap)[len(before) :]
    assert [r.feed_seq for r in after] == list(range(len(before) + 1, len(before) + 1 + len(after)))
    opened_before = {r.alert_id: r for r in before}
    going_on = [r for r in after if r.alert_id in opened_before]
    first = {r.alert_id: r for r in reversed(going_on)}
    assert len(first) > 3
    assert all(r.revision == opened_before[alert].revision + 1 for alert, r in first.items())
    assert all(r.prev_hash == opened_before[alert].content_hash for alert, r in first.items())
    reader.read(count=10_000)
    assert reader.duplicates == 0
    asked = next(r for r in after if r.alert_id == taken.alert_id and r.reason == "asked")
    assert asked.state == "acked"
    with Pool(live_flow.dsn) as pool:
        assert audit_faults(pool) == (2, [])
        assert pool.count_events() == 400
        assert pool.recount_check() == []
