"""What each process may do in Kafka, and not more: made into the commands of Kafka's own tool for its rights.

An ACL of Kafka knows topics, not keys, so a county reads none of them: its feeds are in Redis, ClickHouse and HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors.kafka_client import CLIENT
from connectors.kafka_topics import ACTIONS, ALERTS, ALERTS_NOW, DEAD_LETTERS, GROUP, INTAKE_LOG, RAW_PREFIX, RECEIPTS

RAW = RAW_PREFIX + "*"  # one for each channel


class Right(NamedTuple):
    """Some operations on some topics."""

    operations: tuple[str, ...]
    topics: tuple[str, ...]


# whoever may read or write a topic may see it; `Create` is for the first start, which makes what is missing
PROCESSES: dict[str, tuple[Right, ...]] = {
    "run": (
        Right(("Read", "Write", "Create"), (INTAKE_LOG, ALERTS, ALERTS_NOW, DEAD_LETTERS, GROUP, RAW)),
        Right(("Read", "Create"), (ACTIONS, RECEIPTS)),
    ),
    "serve": (Right(("Write", "Create"), (ACTIONS,)),),
    "upkeep": (  # `anlan doctor`, `backup`, `restore`, `migrate`
        Right(
            ("Read", "Create", "DescribeConfigs", "AlterConfigs"),
            (INTAKE_LOG, ALERTS, ALERTS_NOW, DEAD_LETTERS, ACTIONS, RECEIPTS, GROUP, RAW),
        ),
    ),
    "ingest": (Right(("Write", "Create"), (RAW, DEAD_LETTERS)),),
    "replay": (Right(("Read",), (INTAKE_LOG,)),),  # `anlan digest --log`
    "department": (Right(("Write",), (RAW,)),),
    "messenger": (Right(("Write",), (RECEIPTS,)),),
    "reader": (Right(("Read",), (ALERTS, ALERTS_NOW)),),
}
GROUPS = {"run": f"{CLIENT}.", "reader": "{user}."}  # what the names of their consumer groups begin with


def commands(process: str, user: str, channels: Iterable[str]) -> list[str]:
    """The calls of `kafka-acls.sh` that give a user the rights of a process, on the raw topics of these channels.

    `$KAFKA` is the broker and `$ADMIN` the file in which the administrator says who they are.
    """
    raw = [RAW_PREFIX + channel for channel in channels]
    told = []
    for right in PROCESSES[process]:
        topics = [name for topic in right.topics for name in (raw if topic == RAW else [topic])]
        told.append(_command(user, right.operations, [f"--topic {topic}" for topic in topics]))
    if group := GROUPS.get(process, "").format(user=user):
        told.append(_command(user, ("Read",), [f"--group {group}", "--resource-pattern-type prefixed"]))
    return told


def _command(user: str, operations: Iterable[str], on: Iterable[str]) -> str:
    may = " ".join(f"--operation {operation}" for operation in operations)
    whom = f'kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --add --allow-principal "User:{user}"'
    return f"{whom} {may} {' '.join(on)}"
