from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

import pytest

from dataflows.group.leash import GO, LET_GO, PREPARED, UNTIL

PATIENCE_SECONDS = 20.0
SENDS = """
import socket, sys
sent = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sent.setblocking(False)
try:
    while True:
        sent.send(b"x" * 65536)
except BlockingIOError:
    print("full", flush=True)
"""
PROGRAM = """
import sys, threading
from dataflows.group.leash import Leash
leash = Leash(sys.stdin.fileno(), sys.stdout.fileno())
leash.wait()
leash.say_prepared()
threading.Event().wait()
"""


class Held:
    """A process on a leash that says it is prepared when it may go."""

    def __init__(self, program: str = PROGRAM, *arguments: str) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", program, *arguments]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)

    def tell(self, *lines: bytes) -> None:
        self.write(b"".join(line + b"\n" for line in lines))

    def write(self, body: bytes) -> None:
        os.write(self._pipe(self.process.stdin).fileno(), body)

    def hear(self) -> bytes:
        return self._pipe(self.process.stdout).readline()

    def ended(self) -> tuple[int, str]:
        code = self.process.wait(PATIENCE_SECONDS)
        return code, self._pipe(self.process.stderr).read().decode()

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


@pytest.fixture
def held() -> Iterator[Held]:
    found = Held()
    with found.process:
        yield found
        found.process.kill()


def test_a_process_works_when_it_is_told_to_and_while_it_may(held: Held) -> None:
    held.tell(UNTIL + b" %f" % (time.monotonic() + 60), GO)

    assert held.hear() == PREPARED + b"\n"
    assert held.process.poll() is None


def test_it_ends_when_its_time_is_over(held: Held) -> None:
    until = time.monotonic() + 1.0
    held.tell(GO, UNTIL + b" %f" % until)

    code, said = held.ended()

    assert code == LET_GO
    assert "process_let_go reason=host_cut_off" in said
    assert time.monotonic() >= until


def test_a_line_may_come_in_pieces(held: Held) -> None:
    line = UNTIL + b" %f\n" % (time.monotonic() + 60.0)
    for piece in (line[:9], line[9:], GO + b"\n"):
        held.write(piece)

    assert held.hear() == PREPARED + b"\n"


def test_it_ends_with_its_supervisor(held: Held) -> None:
    held.tell(GO)
    held.hear()
    assert held.process.stdin is not None
    held.process.stdin.close()

    code, said = held.ended()

    assert code == LET_GO
    assert "process_let_go reason=leash_ended" in said


def test_what_it_has_sent_and_what_has_not_left_goes_nowhere() -> None:
    """A kernel sends what a process has left behind, for minutes where nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = Held(SENDS + PROGRAM, str(server.getsockname()[1]))
        with held.process, server.accept()[0] as reader:
            assert held.hear() == b"full\n"
            assert held.process.stdin is not None
            held.process.stdin.close()
            held.ended()

            with pytest.raises(ConnectionResetError):
                _read_to_the_end(reader)


def _read_to_the_end(reader: socket.socket) -> None:
    while reader.recv(1 << 20):
        pass
