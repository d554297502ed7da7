"""The processes of one life on one host: started together, held on a leash, ended together."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable

import msgspec

from dataflows.group.leash import GO, PREPARED, UNTIL
from dataflows.group.process import Task
from dataflows.group.roster import Life
from dataflows.place import Place
from dataflows.readiness import SOCKET

LET_GO_SECONDS = 2.0  # after which a process that was let go and still runs is killed


class Processes:
    """Those of a life on this host, by their numbers; each waits until it is told to go."""

    def __init__(self, life: Life, numbers: Iterable[int], config: str | None) -> None:
        addresses = tuple(life.addresses())
        level = logging.getLogger().getEffectiveLevel()
        self._running = {
            number: _start(Task(Place(life.number, number, addresses, on_host), config, level))
            for on_host, number in enumerate(numbers)
        }
        self._gone: set[int] = set()  # those that were told to go
        self._heard = b""
        self._must_end_by: float | None = None

    def go(self, number: int) -> None:
        """Let one go; telling it again changes nothing."""
        if number not in self._gone:
            self._gone.add(number)
            self._tell(number, GO)

    def hold_until(self, until: float) -> None:
        """They may work until then, and not longer; `until` is of the monotonic clock."""
        for number in self._running:
            self._tell(number, UNTIL + b" %f" % until)

    def is_prepared(self, front: int) -> bool:
        """Whether the front has taken up the state."""
        pipe = self._running[front].stdout
        assert pipe is not None
        self._heard += pipe.read() or b""
        return PREPARED in self._heard

    def has_ended(self) -> bool:
        """Whether one of them runs no more."""
        return any(process.poll() is not None for process in self._running.values())

    def end(self, is_orderly: bool, seconds: float) -> bool:
        """Ask them to end in order within some seconds, or let go of them; whether all have ended.

        To be asked again until they have.
        """
        now = time.monotonic()
        if self._must_end_by is None:
            self._must_end_by = now + (seconds if is_orderly else LET_GO_SECONDS)
            for number, process in self._running.items():
                if is_orderly and number in self._gone:
                    process.terminate()
                elif process.stdin is not None:
                    process.stdin.close()  # its leash ends
        if now >= self._must_end_by:
            for process in self._running.values():
                process.kill()
        return all(process.poll() is not None for process in self._running.values())

    def _tell(self, number: int, line: bytes) -> None:
        pipe = self._running[number].stdin
        assert pipe is not None
        if pipe.closed:
            return
        # it hangs or has ended: that is seen elsewhere
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            pipe.write(line + b"\n")


def _start(task: Task) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dataflows.group.process", msgspec.json.encode(task).decode()]
    environment = {name: value for name, value in os.environ.items() if name != SOCKET}  # that is ours to answer
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    )
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return process
