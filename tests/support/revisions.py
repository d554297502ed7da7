"""A revision for tests of what is done with one: every field that must be there, and what a test changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from alerts.model import Revision


def a_revision(alert_id: str, number: int, at: datetime, **changes: Any) -> Revision:
    """The `number`th revision of an open alert, published at `at`."""
    made = Revision(
        alert_id=alert_id,
        revision=number,
        rule="rc.repeat-contact",
        rule_version=1,
        rule_generation=1,
        semantic_hash="s",
        kind="threshold",
        purpose="service-quality",
        episode=1,
        state="open",
        reason="level_rise",
        level="blue",
        level_max="blue",
        key={"matter": "m"},
        first_occurred_at=at,
        last_occurred_at=at,
        matched_at=at,
        detected_at=at,
        published_at=at,
    )
    return msgspec.structs.replace(made, **changes)
