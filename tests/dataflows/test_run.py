"""The production flow as a process: killed without warning, stopped in order, and always the same answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest
from family_reports import family_reports, replayed, settled
from live_flow import PATIENCE_SECONDS, LiveFlow, in_topic, logged_events, wait_until
from subscribing import revision_reader

from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, RawProducer, ends, raw_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def test_killed_three_times_it_says_what_a_replay_of_its_log_says(live_flow: LiveFlow) -> None:
    bootstrap = live_flow.broker.bootstrap
    rng = Random(5)
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    sent = 0
    with RawProducer(bootstrap) as producer:
        for life in range(4):
            for event in family_reports(life, 120):
                producer.send(raw_topic(event.channel), msgspec.json.encode(event))
                sent += 1
            producer.flush()
            if life < 3:
                target = sent - rng.randrange(100)
                wait_until(lambda n=target: logged_events(bootstrap) >= n, "events must reach the log")
                live_flow.stop(signal.SIGKILL)
                live_flow.start()
    reader = revision_reader(live_flow.valkey.url)
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")

    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    reader.read()
    wanted = replayed(bootstrap)
    entries = list(reader.alerts().values())
    topic = {(r.alert_id, r.revision): r.content_hash for r in in_topic(bootstrap)}
    assert len(wanted) > 20
    assert topic == {place: wanted[place] for place in topic}
    assert {(r.alert_id, r.revision): r.content_hash for r in entries}.items() <= wanted.items()
    assert set(topic) == set(wanted)
    assert len(in_topic(bootstrap)) == len(topic)
    assert reader.duplicates == 0
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() == sent
        assert pool.recount_check() == []


def test_a_second_flow_on_the_same_state_is_refused(live_flow: LiveFlow) -> None:
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    first = live_flow.flow

    live_flow.start()

    assert live_flow.flow is not None
    assert live_flow.flow.wait(PATIENCE_SECONDS) == 1
    assert "`state` must belong to one flow" in live_flow.said()
    live_flow.flow = first


def test_without_keys_it_says_which_setting_is_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "ANLAN_STATE": str(tmp_path / "state"), "ANLAN_KEYRING": "", "ANLAN_SEAL_KEY": ""}

    answer = subprocess.run(
        [sys.executable, "-m", "dataflows", "run"], env=environment, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert "`keyring` must be set" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_topics_are_there_after_the_start(live_flow: LiveFlow) -> None:
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")

    bootstrap = live_flow.broker.bootstrap
    assert ends(bootstrap, [(INTAKE_LOG, partition) for partition in range(3)])
