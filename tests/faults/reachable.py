"""The servers of a round, as hosts in other namespaces reach them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

from connectors.apache_kafka import ApacheKafka
from connectors.child_server import HOST, ChildServer
from connectors.embedded import Broker
from tests.faults.servers import Servers


class ReachableServers(Servers):
    """Kafka listens on the bridge and names its address there; to the others leads a relay."""

    def __init__(self, folder: Path, address: str, is_apache: bool) -> None:
        super().__init__(folder)
        self.address = address
        self._relay: Relay | None = None
        self.broker = (ReachableKafka if is_apache else ReachableBroker)(folder / "broker", address)

    def of(self, server: ChildServer) -> str:
        """`host:port` of a server as the hosts reach it."""
        return f"{self.address}:{server.port}"

    def __enter__(self) -> Self:
        super().__enter__()
        self._relay = Relay(self.address, [server.port for server in (self.redis, self.clickhouse) if server.port])
        return self

    def __exit__(self, *exc: object) -> None:
        if self._relay is not None:
            self._relay.close()
        super().__exit__(*exc)


class ReachableKafka(ApacheKafka):
    """Apache Kafka at another address than this machine's own."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self._address = address

    def _settings(self, port: int) -> dict[str, str]:
        return {
            "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self._address}:{port}",
        }


class ReachableBroker(Broker):
    """Tansu at another address than this machine's own."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self._address = address

    def _command(self, port: int) -> list[str]:
        near, far = f"tcp://{HOST}:{port}", f"tcp://{self._address}:{port}"
        command = super()._command(port)
        listens, tells = command.index("--listener-url") + 1, command.index("--advertised-listener-url") + 1
        assert command[listens] == command[tells] == near
        command[listens], command[tells] = f"tcp://0.0.0.0:{port}", far
        return command


class Relay:
    """Hands on what comes to an address to the same ports of this machine, in a thread of its own."""

    def __init__(self, address: str, ports: Iterable[int]) -> None:
        self._address = address
        self._ports = list(ports)
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="relay", daemon=True)
        self._thread.start()
        assert self._is_open.wait(10)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        for port in self._ports:
            await asyncio.start_server(partial(_between, port), self._address, port)
        self._is_open.set()
        await self._ended.wait()

    def close(self) -> None:
        """Hand on nothing more."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)


async def _between(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        far_reader, far_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(_hand_on(reader, far_writer), _hand_on(far_reader, writer))
    writer.close()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while body := await reader.read(65_536):
            writer.write(body)
            await writer.drain()
    writer.close()
