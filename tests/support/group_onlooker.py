"""A host that looks on: a real supervisor, and another host that works, or does not, without it."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Self

import msgspec

from connectors.child_server import HOST, free_port
from connectors.kafka_beats import Beats
from dataflows.group.likeness import release
from dataflows.group.roster import Beat, Roster, Stage
from dataflows.group.supervisor import supervise
from dataflows.settings import Settings

LEASE_SECONDS = 1.0


class Onlooker:
    """While the `with` block lasts; the other one says that it does not reach the supervisor's host."""

    def __init__(self, bootstrap: str, metrics_port: int, folder: Path) -> None:
        self.works = False  # whether the other has taken up the state
        self._starts, self._to_come = 0, 0  # of the other: each brings another life
        self._bootstrap = bootstrap
        self._settings = Settings(
            kafka=bootstrap, keyring="none", seal_key="none", state=str(folder), group_host="onlooker",
            group_address=HOST, group_port=free_port(), group_metrics_port=metrics_port,
            group_lease_seconds=LEASE_SECONDS,
        )  # fmt: skip
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._look_on, self._speak)]

    def starts_again(self, times: int) -> None:
        """Let the other be started again so many times, each time when a life has begun."""
        self._to_come = times

    def _look_on(self) -> None:
        supervise(self._settings, None, self._stop)

    def _speak(self) -> None:
        roster = Roster()
        with closing(Beats(self._bootstrap)) as beats:
            while not self._stop.is_set():
                for heard in beats.hear(0.01):
                    roster.take(heard.place, msgspec.json.decode(heard.body, type=Beat))
                    if self._to_come and roster.life.numbers_of(str(self._starts)):
                        self._starts, self._to_come = self._starts + 1, self._to_come - 1
                if not beats.is_on_its_way:
                    beats.say(msgspec.json.encode(self._beat(roster.life.number)))

    def _beat(self, life: int) -> Beat:
        stage: Stage = "prepared" if self.works else "clear"
        return Beat("first", str(self._starts), HOST, 1, 1, life, stage, ("onlooker",), release())

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
