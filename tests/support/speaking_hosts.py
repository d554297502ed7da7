"""Hosts of a group of which there is nothing but what they say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Self, TypeVar

import msgspec
from live_flow import wait_until

from connectors.kafka_beats import Beats
from dataflows.group.roster import Beat, Roster

PAUSE_SECONDS = 0.03

Answer = TypeVar("Answer")


class SpeakingHosts:
    """They say their beats, one after the other and all the time, while the `with` block lasts."""

    def __init__(self, bootstrap: str, *beats: Beat) -> None:
        self.beats = beats  # of each host; may be others from one moment to the next
        self.ahead: dict[str, float] = {}  # seconds that the clock of a host is ahead of the machine's
        self.roster = Roster()
        self._rounds = 0
        self._bootstrap = bootstrap
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._speak)

    def once_heard(self, look: Callable[[], Answer]) -> Answer:
        """What somebody sees when all beats as they are now stand in the topic."""
        rounds = self._rounds
        wait_until(lambda: self._rounds > rounds + 1, "all must be said")
        return look()

    def _speak(self) -> None:
        with closing(Beats(self._bootstrap)) as topic:
            while not self._stop.wait(PAUSE_SECONDS):
                for beat in self.beats:
                    topic.say(msgspec.json.encode(self._now(beat)))
                    while topic.is_on_its_way:
                        for heard in topic.hear(0.01):
                            self.roster.take(heard.place, msgspec.json.decode(heard.body, type=Beat))
                self._rounds += 1

    def _now(self, beat: Beat) -> Beat:
        said_at = time.time() + self.ahead.get(beat.host, 0.0)
        return msgspec.structs.replace(beat, life=self.roster.life.number, said_at=said_at)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
