"""Somebody at the desk: acks, notes and assignments on alerts as they open, some of them sent twice.

Nothing that changes which alerts there are: an undisturbed run, in which nobody acts, has to find the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import msgspec

from alerts.model import AlertAction, Doing
from connectors.kafka import ACTIONS, RawProducer

PAUSE_SECONDS = (0.1, 0.6)
TWICE = 0.2
DOINGS: tuple[Doing, ...] = ("ack", "ack", "unack", "note", "assign", "show")
PATIENCE_SECONDS = 3_600.0  # longer than any run


class Officer:
    """Acts in a thread of its own until told to stop; `known` gives the alerts that readers know."""

    def __init__(self, bootstrap: str, seed: str, known: Callable[[], list[str]]) -> None:
        self.sent: set[str] = set()
        self._bootstrap = bootstrap
        self._rng = Random(seed)
        self._known = known
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="officer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Act no more, and wait until the broker has all."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with RawProducer(self._bootstrap, patience=PATIENCE_SECONDS) as producer:
            while not self._stop.wait(self._rng.uniform(*PAUSE_SECONDS)):
                if known := self._known():
                    action = self._action(self._rng.choice(known))
                    for _ in range(2 if self._rng.random() < TWICE else 1):
                        producer.send(ACTIONS, msgspec.json.encode(action))
                    producer.check()
                    self.sent.add(action.action_id)

    def _action(self, alert_id: str) -> AlertAction:
        number = f"officer-{len(self.sent)}"
        now = datetime.now(UTC)
        return AlertAction(
            number, self._rng.choice(DOINGS), "li", "supervisor", now, alert_id=alert_id, why="seen", assigned_to="wang"
        )
