"""Waiting until somebody listens on a port of this machine.

The engine's processes connect to those before them, and one that comes too early tries again after a second. The
kernel's table is asked, since whoever knocked would be taken for one of them.
"""

from __future__ import annotations

import time
from pathlib import Path

TABLE = Path("/proc/net/tcp")
LISTENING = "0A"  # state of a socket
LOOK_SECONDS = 0.001
PATIENCE_SECONDS = 5.0


def listeners(table: str) -> set[int]:
    """The ports that are listened on, by the kernel's table of sockets."""
    sockets = [line.split() for line in table.splitlines()[1:]]
    return {int(local.rpartition(":")[2], 16) for _, local, _, state, *_ in sockets if state == LISTENING}


def await_listener(port: int) -> None:
    """Come back once somebody listens, or when it takes so long that trying is no worse."""
    end = time.monotonic() + PATIENCE_SECONDS
    while port not in listeners(TABLE.read_text()) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
