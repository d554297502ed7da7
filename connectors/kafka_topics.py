"""The topics of Anlan: their names, and how long a broker is asked to keep them."""

from __future__ import annotations

from collections.abc import Iterable

RAW_PREFIX = "raw."
INTAKE_LOG = "events.v1"
DEAD_LETTERS = "deadletters.v1"
ALERTS = "alerts.v1"
ALERTS_NOW = "alerts.now.v1"  # the last revision of each alert
ACTIONS = "alert-actions.v1"
RECEIPTS = "alert-receipts.v1"
GROUP = "group.v1"  # beats of the hosts that share one flow; made where there is a group

# what a broker takes and keeps unless it was told otherwise: about a megabyte, a week
ROW_BYTES = 1_000_000
# a week would quietly cut off the truth, and what a row becomes may be larger than the row
OWN_TOPICS = (INTAKE_LOG, ALERTS)
OWN_BYTES = 4_000_000
# what others put there is taken from there; the words in it have not passed the door yet, so they do not stay
TAKEN_TOPICS = (ACTIONS, RECEIPTS)
TAKEN_DAYS = 7
DEAD_DAYS = 30  # a sealed row is full of people: as long as the pool keeps it
GROUP_DAYS = 1  # of beats only the last minute says something
NOW_DAYS = 400  # an alert's key may be a pair of people: as long as the pool keeps their tokens


def raw_topic(channel: str) -> str:
    """Where the rows of a channel arrive: `raw.police`."""
    return RAW_PREFIX + channel


def topics(channels: Iterable[str], *, raw_partitions: int = 1, log_partitions: int = 1) -> dict[str, int]:
    """Every topic of an installation with its number of partitions, for `ensure_topics`."""
    raw = {raw_topic(channel): raw_partitions for channel in channels}
    return {**raw, DEAD_LETTERS: 1, INTAKE_LOG: log_partitions, ALERTS: 1, ALERTS_NOW: 1, ACTIONS: 1, RECEIPTS: 1}


def topic_config(topic: str) -> dict[str, str]:
    """What the broker is told about a topic when it is made; `staging.events.v1` is an intake log as well."""
    if topic.endswith(OWN_TOPICS):
        return {"retention.ms": "-1", "max.message.bytes": str(OWN_BYTES + 100_000)}
    if topic.endswith(DEAD_LETTERS):
        keep = {"retention.ms": str(DEAD_DAYS * 86_400_000), "message.timestamp.type": "LogAppendTime"}
        return {**keep, "max.message.bytes": str(OWN_BYTES + 100_000)}
    if topic.endswith(ALERTS_NOW):
        keep = {"cleanup.policy": "compact,delete", "retention.ms": str(NOW_DAYS * 86_400_000)}
        return {**keep, "max.message.bytes": str(OWN_BYTES + 100_000)}
    if topic.endswith(TAKEN_TOPICS):
        return {"retention.ms": str(TAKEN_DAYS * 86_400_000), "message.timestamp.type": "LogAppendTime"}
    if topic.endswith(GROUP):
        return {"retention.ms": str(GROUP_DAYS * 86_400_000), "message.timestamp.type": "LogAppendTime"}
    if topic.startswith(RAW_PREFIX):
        # by the sender's own time a broker would delete at once what a slow clock or an old backlog sends
        return {"message.timestamp.type": "LogAppendTime"}
    return {}
