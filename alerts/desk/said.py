"""What stands in the log for the desk: an action of a person, or another routing."""

from __future__ import annotations

from typing import Any, NamedTuple

from alerts.model import AlertAction


class Said(NamedTuple):
    """One record of the log for the desk, at a clock instant and under its number."""

    at: int
    number: int
    action: AlertAction | None = None
    routing: dict[str, Any] | None = None
