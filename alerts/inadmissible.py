"""Events of the log that detection does not take, as dead letters."""

from __future__ import annotations

import hashlib
from typing import Literal

from alerts.model import Arrival, DeadLetter, from_us


def duplicate(arrival: Arrival, first: str) -> DeadLetter:
    """A second event under an id that is taken. The same row read twice after a crash never comes here."""
    where = f" (first came from {first})" if first else ""
    sentence = f"event `id` must be unique; got `{arrival.event.id}` again{where}"
    return _dead_letter(arrival, "duplicate_id", sentence)


def unknown_channel(arrival: Arrival) -> DeadLetter:
    """The intake knew the channel and we do not: it was taken out of the register, and the log is older."""
    sentence = f"event `channel` must be registered; got `{arrival.event.channel}`"
    return _dead_letter(arrival, "unknown_channel", sentence)


def _dead_letter(arrival: Arrival, reason: Literal["duplicate_id", "unknown_channel"], sentence: str) -> DeadLetter:
    event = arrival.event
    row = arrival.source or arrival.arrived_us  # a row that the log holds twice after a crash is one dead letter
    digest = hashlib.sha256(f"{row}|{reason}|{event.id}".encode()).hexdigest()
    return DeadLetter(
        id=digest[:32], source=arrival.source, reason=reason, sentence=sentence,
        failed_at=from_us(arrival.arrived_us), channel=event.channel,
    )  # fmt: skip
