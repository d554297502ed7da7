"""The drill of a rotation on a whole installation: the commands of the page, and a window that goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from live_flow import LiveFlow, in_topic, logged_events, read_log, wait_until

from alerts.duration import DAY_US
from alerts.model import Arrival
from connectors.kafka import RawProducer, raw_topic
from connectors.names import NAMES
from connectors.pseudonym import load_keyring

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RESIDENT, OTHER = "13800001111", "13900002222"


def test_the_third_contact_of_a_week_is_the_third_over_a_rotation(live_flow: LiveFlow) -> None:
    keyring = live_flow.folder / "keys" / "keyring"
    started_and_told(live_flow, 1, RESIDENT)
    command(live_flow, "keys", "rotate", str(keyring))
    started_and_told(live_flow, 2, RESIDENT)
    command(live_flow, "keys", "forget", "k1", exits=1)
    as_if_long_held(live_flow)
    command(live_flow, "keys", "forget", "k1")
    started_and_told(live_flow, 3, RESIDENT, OTHER)

    (alert,) = [each for each in in_topic(live_flow.broker.bootstrap) if each.rule == "rc.repeat-contact"]
    events = [record.event for _, record in read_log(live_flow.broker.bootstrap) if isinstance(record, Arrival)]
    assert [each.id for each in alert.evidence] == ["1/0", "2/0", "3/0"]
    assert [key.id for key in load_keyring(keyring).keys] == ["k2"]
    assert [(event.reporter or "").partition(":")[0] for event in events] == ["k1", "k1", "k1", "k2"]


def started_and_told(flow: LiveFlow, number: int, *phones: str) -> None:
    """The flow is started, told of one contact of each, and stopped when it has said what there is to say."""
    bootstrap = flow.broker.bootstrap
    flow.start()
    wait_until(lambda: flow.said().count("flow_started") == number, "the flow must start")
    before = logged_events(bootstrap)
    for place, phone in enumerate(phones):
        tell(bootstrap, f"{number}/{place}", phone, datetime.now(UTC) - timedelta(hours=4 - number))
        wait_until(lambda n=before + place + 1: logged_events(bootstrap) == n, "the contact must reach the log")
    wait_until(lambda: len(in_topic(bootstrap)) == (number == 3), "the third contact must be an alert")
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]


def tell(bootstrap: str, name: str, phone: str, at: datetime) -> None:
    contact = {"id": name, "channel": "hotline", "action": "received", "occurred_at": at, "reporter": phone}
    contact |= {"category": "dispute", "subcategory": "neighbour", "region": "620102001"}
    with RawProducer(bootstrap) as producer:
        producer.send(raw_topic("hotline"), msgspec.json.encode(contact))
        producer.flush()


def command(flow: LiveFlow, *arguments: str, exits: int = 0) -> None:
    """Run `anlan` with the settings of the flow."""
    environment = {**os.environ, **flow.environment()}
    done = subprocess.run([sys.executable, "-m", "dataflows", *arguments], env=environment, capture_output=True)
    assert done.returncode == exits, done.stderr.decode()


def as_if_long_held(flow: LiveFlow) -> None:
    """As if the flow had held its keys for longer than any rule remembers anybody."""
    with sqlite3.connect(flow.folder / "state" / NAMES) as names:
        names.execute("UPDATE keys SET held_us = held_us - ?", (1_000 * DAY_US,))
