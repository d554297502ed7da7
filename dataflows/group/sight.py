"""Whether the hosts of a group reach each other: a door on each that takes connections, and a look at those of others.

The engine's own connections do not tell: where a cable is cut they wait for a quarter of an hour and say nothing.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from typing import Self

from dataflows.settings import SettingsError


class Sight:
    """Looks at the doors of other hosts in a thread of its own, while the `with` block lasts."""

    def __init__(self, address: str, port: int, patience: float) -> None:
        """Open our door. A host is unseen when it was not reached for `patience` seconds. Raises `SettingsError`."""
        try:
            self._door = socket.create_server((address, port), backlog=64)
        except OSError as error:
            raise SettingsError(
                f"`group_address` and `group_port` must be ours and free; got `{error.strerror}` ({address}:{port})"
            ) from None
        self._patience = patience
        self._others: Mapping[str, tuple[str, int]] = {}
        self._seen_at: dict[str, float] = {}
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=run.__name__.strip("_"), daemon=True)
            for run in (self._open_the_door, self._look_on)
        ]

    def look_for(self, others: Mapping[str, tuple[str, int]]) -> None:
        """From now on look at these hosts; each has the time to show itself."""
        now = time.monotonic()
        self._seen_at = {host: self._seen_at.get(host, now) for host in others}
        self._others = dict(others)

    def unseen(self) -> tuple[str, ...]:
        """The hosts that were not reached for too long."""
        now = time.monotonic()
        return tuple(sorted(host for host, at in self._seen_at.items() if now - at > self._patience))

    def _open_the_door(self) -> None:
        while not self._ended.is_set():
            try:
                self._door.accept()[0].close()
            except OSError:  # the caller has gone, or we are closing
                self._ended.wait(0.01)

    def _look_on(self) -> None:
        pause = self._patience / 5
        while not self._ended.wait(pause):
            for host, door in self._others.items():
                if _answers(door, pause) and host in self._seen_at:
                    self._seen_at[host] = time.monotonic()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._door.close()


def _answers(door: tuple[str, int], seconds: float) -> bool:
    try:
        socket.create_connection(door, seconds).close()
    except OSError:
        return False
    return True
