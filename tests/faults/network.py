"""Hosts on one machine: network and process namespaces, joined by a bridge; a cable can be pulled, and the power."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Self

PATIENCE_SECONDS = 10.0
SERVERS = 254  # the last number of the bridge's own address


class Network:
    """A bridge in our own namespace, where the servers are, and a cable to each host."""

    def __init__(self) -> None:
        self._name = f"anlan{os.getpid() % 1_000_000}"
        rng = Random(os.getpid())
        self._subnet = f"10.{rng.randrange(16, 250)}.{rng.randrange(250)}"

    @staticmethod
    def missing() -> str:
        """Why there can be none here, in one sentence; empty where there can."""
        for program in ("ip", "unshare", "nsenter"):
            if shutil.which(program) is None:
                return f"hosts in network namespaces need `{program}`; got none in the path"
        bridge = f"anlan{os.getpid() % 100_000}t"
        tried = _try("unshare", "--net", "ip", "link", "add", bridge, "type", "bridge")
        return f"hosts in network namespaces need the rights of root; got `{tried}`" if tried else ""

    def address(self, number: int) -> str:
        """Of a host, or of the servers."""
        return f"{self._subnet}.{number}"

    def plug_in(self, number: int, pid: int) -> None:
        """Give the namespace of a process a cable to the bridge."""
        ours = self.cable(number)
        _do("ip", "link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        _do("ip", "link", "set", ours, "master", self._name, "up")
        for words in (f"addr add {self.address(number)}/24 dev eth0", "link set eth0 up", "link set lo up"):
            inside(pid, "ip", *words.split())

    def unplug(self, number: int) -> None:
        """Take a host's cable away: what a kernel still wants to send would keep its namespace, and the cable."""
        _try("ip", "link", "delete", self.cable(number))

    def cable(self, number: int) -> str:
        """The name of our end of a host's cable."""
        return f"{self._name}h{number}"

    def __enter__(self) -> Self:
        _do("ip", "link", "add", self._name, "type", "bridge")
        _do("ip", "addr", "add", f"{self.address(SERVERS)}/24", "dev", self._name)
        _do("ip", "link", "set", self._name, "up")
        return self

    def __exit__(self, *exc: object) -> None:
        _do("ip", "link", "delete", self._name)


class Host:
    """One host: a program that runs in namespaces of its own, with all that it starts."""

    def __init__(self, network: Network, number: int, log: Path) -> None:
        self.number = number
        self.name = f"host-{number}"
        self.address = network.address(number)
        self._network = network
        self._log = log
        self._unshare: subprocess.Popen[bytes] | None = None

    def power_on(self, command: Sequence[str], environment: dict[str, str]) -> None:
        """Start the host and its program, which is the first of its processes."""
        spaces = ["unshare", "--net", "--pid", "--fork", "--kill-child"]
        waiting = ["sh", "-c", 'read plugged_in && exec "$@" < /dev/null', "sh"]
        with self._log.open("ab") as log:
            self._unshare = subprocess.Popen(
                [*spaces, *waiting, *command], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        wait_until(lambda: self._first() > 0, "a host must begin")
        self._network.plug_in(self.number, self._first())
        assert self._unshare.stdin is not None
        self._unshare.stdin.write(b"yes\n")
        self._unshare.stdin.close()

    def power_off(self) -> None:
        """Everything on it ends where it stands."""
        if self._unshare is not None:
            if self._unshare.poll() is None and (first := self._first()):
                os.kill(first, signal.SIGKILL)
            self._unshare.kill()
            self._unshare.wait()
            self._unshare = None
            self._network.unplug(self.number)

    def shut_down(self, seconds: float) -> int:
        """Ask its program to end; its exit code."""
        assert self._unshare is not None
        os.kill(self._first(), signal.SIGTERM)
        code = self._unshare.wait(seconds)
        self._unshare = None
        self._network.unplug(self.number)
        return code

    def pull_cable(self) -> None:
        """It reaches nobody, and nobody is told."""
        _do("ip", "link", "set", self._network.cable(self.number), "down")

    def plug_cable(self) -> None:
        """As before."""
        _do("ip", "link", "set", self._network.cable(self.number), "up")

    def lose_sight(self, other: Host) -> None:
        """What it sends to another host goes nowhere."""
        inside(self._first(), "ip", "route", "add", "blackhole", f"{other.address}/32")

    def regain_sight(self, other: Host) -> None:
        """As before."""
        inside(self._first(), "ip", "route", "delete", "blackhole", f"{other.address}/32")

    def processes(self) -> list[int]:
        """Those of the flow that run on it."""
        return _children(self._first())

    @property
    def is_on(self) -> bool:
        """Whether its program runs."""
        return self._unshare is not None and self._unshare.poll() is None

    def _first(self) -> int:
        """The first process of its namespace, once it is there."""
        assert self._unshare is not None
        return next(iter(_children(self._unshare.pid)), 0)


def inside(pid: int, *command: str) -> None:
    """Run something in the network of a process."""
    _do("nsenter", "--net", "--target", str(pid), *command)


def wait_until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that must come."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} within {seconds:g} s")
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _do(*command: str) -> None:
    if said := _try(*command):
        raise RuntimeError(f"`{' '.join(command)}` must work; got `{said}`")


def _try(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"
