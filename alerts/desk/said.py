"""What stands in the log for the desk: an action of a person, or another routing; and why one is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

from alerts.model import AlertAction


class RefusedError(ValueError):
    """An action that must not be, or makes no sense as things stand; the sentence says why."""


class Said(NamedTuple):
    """One record of the log for the desk, at a clock instant and under its number.

    What a person does with matters was done, or refused, where events get their matters.
    """

    at: int
    number: int
    action: AlertAction | None = None
    routing: dict[str, Any] | None = None
    refusal: str = ""  # of an action on matters
    county: str = ""  # of the matters
