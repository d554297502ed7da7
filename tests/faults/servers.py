"""The servers of one round: Kafka, Valkey and ClickHouse, each to be killed, hung and brought back."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Self

from connectors.apache_kafka import ApacheKafka
from connectors.child_server import ChildServer
from connectors.embedded import Broker, Valkey
from tests.faults.plan import Fault
from tests.support.clickhouse_server import ClickHouseServer


class Servers:
    """Started from the main thread: they die with the thread that starts them."""

    def __init__(self, folder: Path) -> None:
        self.broker: ApacheKafka | Broker = (
            Broker(folder / "broker") if ApacheKafka.missing() else ApacheKafka(folder / "broker")
        )
        self.redis = Valkey(folder / "redis", durable=True)
        self.clickhouse = ClickHouseServer(folder / "clickhouse")

    @property
    def can_kill_broker(self) -> bool:
        """Whether the broker keeps its topics through a kill."""
        return isinstance(self.broker, ApacheKafka)

    @property
    def bootstrap(self) -> str:
        """The address of the broker."""
        return self.broker.bootstrap

    def take_away(self, fault: Fault) -> None:
        """Let a server be gone, hang or refuse, until it is brought back."""
        server = self._of(fault)
        if fault.act == "kill":
            server.kill()
        elif fault.act == "hang":
            os.kill(server.pid, signal.SIGSTOP)
        else:
            self.clickhouse.refuse(fault.code)

    def bring_back(self, fault: Fault) -> None:
        """As if nothing had been."""
        server = self._of(fault)
        if fault.act == "kill":
            server.start()
        elif fault.act == "hang":
            os.kill(server.pid, signal.SIGCONT)
        else:
            self.clickhouse.accept()

    def _of(self, fault: Fault) -> ChildServer:
        return {"broker": self.broker, "redis": self.redis, "clickhouse": self.clickhouse}[fault.part]

    def __enter__(self) -> Self:
        try:
            for server in (self.broker, self.redis, self.clickhouse):
                server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for server in (self.broker, self.redis, self.clickhouse):
            server.kill()
