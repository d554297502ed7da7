"""A host that looks on: a real supervisor, and another host that works, or does not, without it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

import msgspec
from live_flow import wait_until
from speaking_hosts import SpeakingHosts

from connectors.child_server import HOST, free_port
from dataflows.group.likeness import release
from dataflows.group.roster import Beat
from dataflows.group.supervisor import supervise
from dataflows.settings import Settings

LEASE_SECONDS = 1.0


class Onlooker:
    """While the `with` block lasts; the other one says that it does not reach the supervisor's host."""

    def __init__(self, bootstrap: str, metrics_port: int, folder: Path) -> None:
        self._other = SpeakingHosts(
            bootstrap, Beat("first", "0", HOST, 1, 1, stage="clear", unseen=("onlooker",), release=release())
        )
        self._settings = Settings(
            kafka=bootstrap, keyring="none", seal_key="none", state=str(folder), group_host="onlooker",
            group_address=HOST, group_port=free_port(), group_metrics_port=metrics_port,
            group_lease_seconds=LEASE_SECONDS,
        )  # fmt: skip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=supervise, args=(self._settings, None, self._stop))

    def work(self) -> None:
        """Let the other have taken up the state."""
        self._change(stage="prepared")

    def start_again(self, times: int) -> None:
        """Start the other so many times, each time when a life has begun."""
        for start in range(1, times + 1):
            self._change(boot=str(start))
            wait_until(lambda boot=str(start): self._other.roster.life.numbers_of(boot), "a life must begin")

    def _change(self, **changes: str) -> None:
        self._other.beats = tuple(msgspec.structs.replace(beat, **changes) for beat in self._other.beats)

    def __enter__(self) -> Self:
        self._other.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._other.__exit__(*exc)
