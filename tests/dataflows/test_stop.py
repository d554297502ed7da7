"""An orderly stop in every weather: at once when all is well, bounded when a server is away, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time

import msgspec
import pytest
from family_reports import family_reports, replayed, settled
from live_flow import PATIENCE_SECONDS, LiveFlow, in_topic, logged_events, wait_until
from subscribing import revision_reader

from connectors.clickhouse import Pool
from connectors.kafka import RawProducer, raw_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def send(live_flow: LiveFlow, seed: int, count: int) -> None:
    with RawProducer(live_flow.broker.bootstrap) as producer:
        for event in family_reports(seed, count):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()


def all_is_there(live_flow: LiveFlow, sent: int) -> None:
    """Everything that was sent is judged once and told once."""
    bootstrap = live_flow.broker.bootstrap
    reader = revision_reader(live_flow.valkey.url)
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    topic = in_topic(bootstrap)
    assert {(r.alert_id, r.revision): r.content_hash for r in topic} == replayed(bootstrap)
    assert len(topic) == len(replayed(bootstrap)) > 10
    reader.read()
    assert reader.duplicates == 0
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() == sent
        assert pool.recount_check() == []


@pytest.mark.parametrize("away", ["broker", "valkey"])
def test_a_stop_while_a_server_hangs_is_bounded_and_loses_nothing(live_flow: LiveFlow, away: str) -> None:
    bound = {"broker": 4, "valkey": 12}[away]  # an answer of Valkey is waited for ten seconds
    live_flow.settings["ANLAN_STOP_SECONDS"] = str(bound)
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    send(live_flow, 1, 100)
    server = live_flow.broker if away == "broker" else live_flow.valkey
    os.kill(server.pid, signal.SIGSTOP)
    try:
        if away == "valkey":
            send(live_flow, 2, 100)
            wait_until(lambda: "sink_away sink=redis" in live_flow.said(), "it must be told")
        began = time.monotonic()
        code = live_flow.stop(signal.SIGTERM)
        assert time.monotonic() - began < bound + 8
        # a broker that hangs is no hindrance where nothing was on its way to it
        assert code in ((0,) if away == "valkey" else (0, 1, 75)), live_flow.said()[-2000:]
    finally:
        os.kill(server.pid, signal.SIGCONT)
    if away == "broker":
        send(live_flow, 2, 100)
    live_flow.start()
    all_is_there(live_flow, 200)


def test_a_second_signal_ends_the_flow_at_once_and_loses_nothing(live_flow: LiveFlow) -> None:
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    send(live_flow, 1, 100)
    os.kill(live_flow.broker.pid, signal.SIGSTOP)  # so that the first one cannot be answered
    try:
        assert live_flow.flow is not None
        live_flow.flow.send_signal(signal.SIGTERM)
        wait_until(lambda: "stop_asked signal=SIGTERM" in live_flow.said(), "the first must be heard")
        live_flow.flow.send_signal(signal.SIGTERM)
        assert live_flow.flow.wait(PATIENCE_SECONDS) == 143
    finally:
        os.kill(live_flow.broker.pid, signal.SIGCONT)
    live_flow.start()
    all_is_there(live_flow, 100)
