"""A flow as a process of its own on embedded servers: started, killed, stopped, and what its topics hold."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from alerts.model import Arrival, Book, Event, Revision
from connectors.address import Where
from connectors.embedded import Broker, Valkey
from connectors.kafka import ALERTS, INTAKE_LOG, RawProducer, partitions_of, raw_topic, read_all
from connectors.log_order import LogOrder
from connectors.log_record import decode

PATIENCE_SECONDS = 60.0


class LiveFlow:
    """One installation on embedded servers of its own; its flow is a process that can be killed."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.broker = Broker(folder / "broker")
        self.valkey = Valkey(folder / "valkey")
        self.dsn = f"chdb://{folder / 'pool'}"
        self.settings = {f"ANLAN_{name.upper()}": value for name, value in settings.items()}
        self.flow: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """Its settings, for the flow and for commands."""
        return {
            "ANLAN_KAFKA": self.broker.bootstrap,
            "ANLAN_REDIS": self.valkey.url,
            "ANLAN_CLICKHOUSE": self.dsn,
            "ANLAN_KEYRING": str(self.folder / "keys" / "keyring"),
            "ANLAN_SEAL_KEY": str(self.folder / "keys" / "seal.private"),
            "ANLAN_STATE": str(self.folder / "state"),
            "ANLAN_LOG_PARTITIONS": "3",
            "ANLAN_SNAPSHOT_SECONDS": "1",
            "ANLAN_METRICS_PORT": "0",
            **self.settings,
        }

    def start(self) -> None:
        log = (self.folder / "flow.log").open("ab")
        command = [sys.executable, "-m", "dataflows", "-v", "run"]
        environment = {**os.environ, **self.environment()}
        self.flow = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self, number: int) -> int:
        assert self.flow is not None
        self.flow.send_signal(number)
        return self.flow.wait(PATIENCE_SECONDS)

    def said(self) -> str:
        return (self.folder / "flow.log").read_text(encoding="utf-8")


def wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{what} within {PATIENCE_SECONDS:g} s"
        time.sleep(0.05)


def send(bootstrap: Where, events: Iterable[Event]) -> None:
    """Put reports into the topics of their channels."""
    with RawProducer(bootstrap) as producer:
        for event in events:
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))


def logged_events(bootstrap: Where) -> int:
    """How many events the log has; after a lost state it has some rows twice, with the source that they had."""
    return len({record.source for _, record in read_log(bootstrap) if isinstance(record, Arrival)})


def read_log(bootstrap: Where) -> list[tuple[int, Arrival | Book | None]]:
    count = partitions_of(bootstrap, [INTAKE_LOG])[INTAKE_LOG]
    order = LogOrder(range(count), None)
    for record in read_all(bootstrap, {(INTAKE_LOG, partition): 0 for partition in range(count)}):
        stamp, arrival = decode(record.value, record.headers, record.source)
        order.take(record.partition, record.offset, stamp, arrival)
    cut = order.release_all()
    return [(a.arrived_us, a) for a in cut.arrivals] + [(cut.clock_us, None)] if cut else []


def in_topic(bootstrap: Where) -> list[Revision]:
    decode_revision = msgspec.json.Decoder(Revision).decode
    return [decode_revision(record.value) for record in read_all(bootstrap, {(ALERTS, 0): 0})]
