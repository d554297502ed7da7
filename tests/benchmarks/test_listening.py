"""Whether somebody listens on a port is seen without knocking."""

from __future__ import annotations

import socket

from benchmarks.listening import TABLE, await_listener, listeners
from connectors.child_server import HOST


def test_a_port_is_listened_on_from_listen_to_close_and_nobody_has_knocked() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        port = server.getsockname()[1]
        assert port not in listeners(TABLE.read_text())

        server.listen()
        await_listener(port)

        assert port in listeners(TABLE.read_text())
        server.setblocking(False)
        assert is_without_guests(server)
    assert port not in listeners(TABLE.read_text())


def is_without_guests(server: socket.socket) -> bool:
    try:
        server.accept()
    except BlockingIOError:
        return True
    return False
