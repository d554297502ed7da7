"""Tells whoever started us that others may rely on us now: systemd's notification protocol."""

from __future__ import annotations

import contextlib
import os
import socket

SOCKET = "NOTIFY_SOCKET"  # in the environment, where a supervisor listens


def tell_ready() -> None:
    """Say so, where the environment names somebody who listens; that nobody does is no error."""
    address = os.environ.get(SOCKET, "")
    if not address:
        return
    if address.startswith("@"):  # a name of Linux that is no file
        address = f"\0{address[1:]}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(b"READY=1", address)
