"""TLS in front of a server that speaks none, as stunnel does it: the wheels' Valkey and ClickHouse have no TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from typing import Self

from certificates import Authority, Pair

from connectors.child_server import HOST


class TlsDoor:
    """Passes on what comes in, from a thread of its own."""

    def __init__(self, server: str, shown: Pair, asks_for: Authority | None = None) -> None:
        """`server` is `host:port`; clients must show a certificate that `asks_for` has signed."""
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(shown)
        if asks_for is not None:
            self._context.load_verify_locations(asks_for.ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_open = threading.Event()
        self.address = ""

    def show(self, shown: Pair) -> None:
        """Show another certificate to whoever comes from now on."""
        self._context.load_cert_chain(shown.certificate, shown.key)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_open.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._open())
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _open(self) -> None:
        door = await asyncio.start_server(self._pass, HOST, 0, ssl=self._context)
        self.address = f"{HOST}:{door.sockets[0].getsockname()[1]}"
        self._is_open.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._server.split(":")
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
        writer.close()
