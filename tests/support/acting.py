"""Somebody acts on an alert of a flow that is run for real, and the desk has judged it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import redis
from live_flow import LiveFlow, wait_until

from alerts.model import AlertAction, Doing
from connectors.kafka import ACTIONS, RawProducer


def action(action_id: str, doing: Doing, alert_id: str = "", **fields: Any) -> AlertAction:
    """What a supervisor does, now."""
    return AlertAction(action_id, doing, "li", "supervisor", datetime.now(UTC), alert_id=alert_id, **fields)


def act(live_flow: LiveFlow, *actions: AlertAction) -> None:
    """Send actions and wait until each is judged."""
    client = redis.Redis.from_url(live_flow.valkey.url)
    with RawProducer(live_flow.broker.bootstrap) as producer:
        for each in actions:
            producer.send(ACTIONS, msgspec.json.encode(each))
            producer.flush()
            wait_until(lambda name=each.action_id: client.exists(f"acted:{name}") == 1, "an action must be judged")
    client.close()
