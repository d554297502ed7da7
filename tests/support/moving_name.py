"""An address that can be made to lead to another server, as a name does: open connections stay where they are."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import Any, Self

from connectors.child_server import HOST


class MovingName:
    """Passes on what comes in, each connection to the server that the name led to when it came."""

    def __init__(self, server: str) -> None:
        """`server` is `host:port`."""
        self.leads_to = server
        self._door = _Door((HOST, 0), _passing(self))
        self._thread = threading.Thread(target=self._door.serve_forever, daemon=True)
        self.address = f"{HOST}:{self._door.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.shutdown()
        self._door.server_close()


class _Door(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def _passing(name: MovingName) -> Any:
    class Passing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            host, port = name.leads_to.split(":")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as inner:
                threading.Thread(target=_pump, args=(inner, self.request), daemon=True).start()
                _pump(self.request, inner)

    return Passing


def _pump(reader: socket.socket, writer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := reader.recv(65_536):
            writer.sendall(piece)
        writer.shutdown(socket.SHUT_WR)
