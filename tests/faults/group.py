"""An installation on several hosts, and what its group agrees on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from connectors.kafka_reader import RawRecord
from connectors.kafka_topics import GROUP
from connectors.metrics_reader import Samples, read_page
from dataflows.cli.keys import make_keys
from dataflows.doctor.group import look_at_group
from dataflows.group.roster import Beat, Roster
from dataflows.settings import Settings
from tests.faults.followers import TopicFollower
from tests.faults.load import Load
from tests.faults.network import Host, Network
from tests.faults.reachable import ReachableServers

HOSTS = 3
LEASE_SECONDS = 3.0
STOP_SECONDS = 60.0
METRICS_PORT, SUPERVISOR_METRICS_PORT = 9464, 9469


class GroupFollower(TopicFollower):
    """Reads the beats as every host does."""

    def __init__(self, bootstrap: str) -> None:
        self.roster = Roster()
        self.lives = 0
        super().__init__(bootstrap, GROUP)

    def take(self, record: RawRecord) -> None:
        before = self.roster.life.number
        self.roster.take(record.offset, msgspec.json.decode(record.value, type=Beat))
        self.lives += self.roster.life.number != before


class Hosts:
    """The hosts of one installation. Of three the second has the ways in and out, of two and of one the first."""

    def __init__(self, folder: Path, network: Network, servers: ReachableServers, load: Load, origin: float) -> None:
        self.mismatched = 0.0
        self.ended: list[str] = []
        self.lives = 0
        self._all = {number: Host(network, number, folder / f"host-{number}.log") for number in range(1, HOSTS + 1)}
        keyring, private, _ = make_keys(folder / "keys")
        self._environment = {
            **os.environ,
            "RUST_BACKTRACE": "0",
            "ANLAN_KAFKA": servers.of(servers.broker),
            "ANLAN_REDIS": f"redis://{servers.of(servers.redis)}/0",
            "ANLAN_CLICKHOUSE": f"http://{servers.of(servers.clickhouse)}/default",
            "ANLAN_KEYRING": str(keyring),
            "ANLAN_SEAL_KEY": str(private),
            "ANLAN_STATE": str(folder / "state"),
            "ANLAN_LOG_PARTITIONS": "3",
            "ANLAN_SNAPSHOT_SECONDS": "1",
            "ANLAN_GROUP_LEASE_SECONDS": str(LEASE_SECONDS),
            "ANLAN_CLOCK_START": str(load.start_us),
            "ANLAN_CLOCK_ORIGIN": str(origin),
            "ANLAN_CLOCK_SPEED": str(load.speed),
        }

    def __getitem__(self, number: int) -> Host:
        return self._all[number]

    def power_on(self, *numbers: int) -> None:
        """Start hosts, with the supervisor on each."""
        for number in numbers:
            host = self._all[number]
            own = {
                "ANLAN_GROUP_HOST": host.name,
                "ANLAN_GROUP_ADDRESS": host.address,
                "ANLAN_METRICS_ADDRESS": host.address,
                "ANLAN_SERVER_BEHIND_PROXY": "true",  # nobody else is in this network
                "ANLAN_METRICS_PORT": str(METRICS_PORT),
            }
            host.power_on([sys.executable, "-m", "dataflows", "-v", "group"], {**self._environment, **own})

    def shut_down(self, *numbers: int) -> None:
        """Stop hosts in order."""
        for number in numbers:
            if code := self._all[number].shut_down(STOP_SECONDS):
                self.ended.append(f"host {number} must stop with 0; got {code}")

    def power_off(self) -> None:
        """All of them."""
        for host in self._all.values():
            host.power_off()

    def look_at_metrics(self) -> None:
        """Remember whether a revision came again with another content, and what hosts tell of their group."""
        on = [host for host in self._all.values() if host.is_on]
        for host in on:
            self.mismatched += _samples(host, METRICS_PORT).total("hashes_mismatched_total")
            worked = _samples(host, SUPERVISOR_METRICS_PORT).total("hosts_worked_count")
            if worked != len(on):
                self.ended.append(f"{host.name} must tell that {len(on)} hosts work; got {worked:g}")

    def ask_the_doctor(self, bootstrap: str) -> None:
        """Remember where it does not say who is at work."""
        names = [host.name for host in self._all.values() if host.is_on]
        asked = Settings(kafka=bootstrap, group_host=names[0], group_lease_seconds=LEASE_SECONDS)
        says = next(iter(look_at_group(asked))).says
        if not says.endswith(f"at work: {', '.join(names)}"):
            self.ended.append(f"the doctor must say that {', '.join(names)} are at work; got `{says}`")


def _samples(host: Host, port: int) -> Samples:
    return Samples(read_page(f"http://{host.address}:{port}/metrics", 5.0))
