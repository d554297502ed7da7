"""An installation on servers of its own: the flow as a process of its own, as `anlan run` starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from connectors.apache_kafka import ApacheKafka
from connectors.child_server import free_port
from connectors.clickhouse_server import ClickHouseServer
from connectors.embedded import Broker, Valkey
from connectors.metrics_reader import Samples, read_page
from dataflows.cli.keys import make_keys

PATIENCE_SECONDS = 90.0  # that is more than there are between two snapshots
LAST = 19  # niceness of who runs when nobody else wants to
BROKER = "broker"  # its folder
RULES = Path(__file__).parent / "one_in_n.yaml"


class ServerKafka(ApacheKafka):
    """Apache Kafka with the options that `deploy/server/kafka.sh` starts it with."""

    machine = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")


class Installation:
    """Broker, Valkey and the pool under one folder, and a flow that is started and stopped."""

    def __init__(self, folder: Path, broker: type[Broker | ApacheKafka] = Broker, *, as_shipped: bool = False) -> None:
        """`as_shipped` is with the shipped rules in place of ours."""
        self.folder = folder
        self.broker = broker(folder / BROKER)
        self._rules = "" if as_shipped else str(RULES)
        self.valkey = Valkey(folder / "valkey")
        self.pool = ClickHouseServer(folder / "pool")
        self._port = free_port()
        self._flow: subprocess.Popen[bytes] | None = None

    def start_flow(self) -> None:
        """Start the flow; returns when it takes reports in."""
        with (self.folder / "flow.log").open("ab") as log:
            self._flow = subprocess.Popen(
                [sys.executable, "-m", "dataflows", "-v", "run"], env=self._environment(), stdout=log, stderr=log
            )
        self.wait_until(lambda page: page.total("ticks_written_total") > 0, "the flow must start")

    def _environment(self) -> dict[str, str]:
        keys = self.folder / "keys"
        if not keys.exists():
            make_keys(keys)
        return {
            **os.environ,
            "ANLAN_KAFKA": self.broker.bootstrap,
            "ANLAN_REDIS": self.valkey.url,
            "ANLAN_CLICKHOUSE": self.pool.dsn,
            "ANLAN_KEYRING": str(keys / "keyring"),
            "ANLAN_SEAL_KEY": str(keys / "seal.private"),
            "ANLAN_STATE": str(self.folder / "state"),
            "ANLAN_RULES": self._rules,
            "ANLAN_METRICS_PORT": str(self._port),
        }

    def processes(self) -> dict[str, int]:
        """The process of each part, by its name; the flow must run."""
        assert self._flow is not None
        return {
            "run": self._flow.pid, "kafka": self.broker.pid, "valkey": self.valkey.pid, "clickhouse": self.pool.pid
        }  # fmt: skip

    def page(self) -> Samples | None:
        """The flow's metrics; None while it does not answer."""
        try:
            return Samples(read_page(f"http://127.0.0.1:{self._port}/metrics"))
        except (OSError, ValueError):
            return None

    def wait_until(self, holds: Callable[[Samples], bool], what: str) -> Samples:
        """The first page of metrics of which it holds. Raises `RuntimeError` with the flow's last words."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and self._is_running():
            if (page := self.page()) is not None and holds(page):
                return page
            time.sleep(0.1)
        said = (self.folder / "flow.log").read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"{what} within {PATIENCE_SECONDS:g} s; its last words:\n{said}")

    def _is_running(self) -> bool:
        return self._flow is not None and self._flow.poll() is None

    def stop_flow(self) -> None:
        """Stop it in order."""
        if self._flow is not None and self._is_running():
            self._flow.send_signal(signal.SIGTERM)
            self._flow.wait(PATIENCE_SECONDS)
        self._flow = None

    def __enter__(self) -> Self:
        self.broker.start()
        self.valkey.start()
        self.pool.start()
        # it has a machine of its own in production; here it takes what the others leave
        os.setpriority(os.PRIO_PROCESS, self.pool.pid, LAST)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._flow is not None:
            self._flow.kill()
            self._flow.wait()
        self.pool.kill()
        self.valkey.kill()
        self.broker.kill()
