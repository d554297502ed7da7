"""The service of a `World` on a real port, that a test may take away and bring back."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import UTC, datetime
from typing import Self

import uvicorn
from service import AT, World

from dataflows.api.app import Service, app
from dataflows.api.limits import Limits
from dataflows.api.powers import load_routing
from dataflows.api.tokens import TokenBook

STOP_SECONDS = 60


class Served:
    """One address; behind it the service runs, or nothing does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._port = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Answer on the address; the first time on any free one."""
        listener = socket.create_server(("127.0.0.1", self._port))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listener.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(listener)), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing any more; who follows a feed is let go."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join(STOP_SECONDS)
            assert not self._thread.is_alive(), f"the service must end within {STOP_SECONDS} s"
            self._thread = None

    async def _serve(self, listener: socket.socket) -> None:
        world = self._world
        service = Service(world.kafka, world.redis_url, world.clickhouse)
        web = app(
            service, TokenBook(world.tokens), load_routing(), world.metrics, machine=lambda: datetime.now(UTC),
            clock=lambda: AT, limits=Limits(1e6, 1_000_000),
        )  # fmt: skip
        server = uvicorn.Server(
            uvicorn.Config(web, lifespan="on", ws="none", log_config=None, timeout_graceful_shutdown=2)
        )
        serving = asyncio.create_task(server.serve([listener]))
        await asyncio.to_thread(self._stop.wait)
        await service.nudges.close()
        server.should_exit = True
        await serving
