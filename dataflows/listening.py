"""Listening on a port, for whatever is served over HTTP."""

from __future__ import annotations

import os
import socket

from dataflows.settings import SettingsError


def listen(address: str, port: int, name: str) -> socket.socket:
    """The socket; taken before anything else, so that a port in use is told at the start.

    `name` is that of the settings: `http` for `http_address` and `http_port`. Raises `SettingsError`.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"`{name}_address` and `{name}_port` must be free to listen on; got `{os.strerror(error.errno or 0)}`"
            f" ({address}, port {port})"
        ) from None
    # a short answer goes out in two pieces, and the second would wait 40 ms for a word about the first
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
