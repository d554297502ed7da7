"""What holds a process of a group: it works when it is told to, and only for as long as its host may.

The host's supervisor writes into the process's standard input until when it may go on. Where that ends, because the
host is cut off or its supervisor is gone, the process ends at once: others take over, and it must not write any more.
What it has sent and what has not left the machine goes nowhere either: a kernel would go on sending it for minutes
after the process has ended, and so into topics in which others write by then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import struct
import sys
import threading
import time

GO, UNTIL, PREPARED = b"go", b"until", b"prepared"
END_SECONDS = 0.1  # that the end may take
LET_GO = 75  # exit code of a process whose time is over: "try again" to those who know sysexits.h

_log = logging.getLogger("anlan.group")


class Leash:
    """The process's end of it: hears what the supervisor writes, in a thread of its own."""

    def __init__(self, hears: int, says: int) -> None:
        """File descriptors to hear and to speak with."""
        self._hears = hears
        self._says = says
        self._may_go = threading.Event()
        threading.Thread(target=self._hold, name="leash", daemon=True).start()

    def wait(self) -> None:
        """Until the process is told to go."""
        self._may_go.wait()

    def say_prepared(self) -> None:
        """The state is taken up, and the other processes may go."""
        os.write(self._says, PREPARED + b"\n")

    def _hold(self) -> None:
        until: float | None = None
        rest = b""
        while select.select([self._hears], [], [], None if until is None else max(0, until - time.monotonic()))[0]:
            read = os.read(self._hears, 4096)
            if not read:
                _end("leash_ended")
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                if line == GO:
                    self._may_go.set()
                else:
                    until = float(line.removeprefix(UNTIL))
        _end("host_cut_off")


def _end(why: str) -> None:
    threading.Timer(END_SECONDS, os._exit, (LET_GO,)).start()  # where nobody reads what we log, say
    _log.error("process_let_go reason=%s the last snapshot is kept", why)
    sys.stderr.flush()
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # it is no socket, or was closed meanwhile
            _forget_unsent(descriptor)
    os._exit(LET_GO)


def _forget_unsent(descriptor: int) -> None:
    """Let a socket be cut when it is closed, instead of sending what is left."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
