"""What each process may do in Kafka, and not more: made into the commands of Kafka's own tool for its rights.

An ACL of Kafka knows topics, not keys, so a county reads none of them: its feeds are in Redis, ClickHouse and HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors.address import Where, address_of
from connectors.kafka_client import CLIENT
from connectors.kafka_names import BrokerNames
from connectors.kafka_topics import ACTIONS, ALERTS, ALERTS_NOW, DEAD_LETTERS, GROUP, INTAKE_LOG, RAW_PREFIX, RECEIPTS

RAW = RAW_PREFIX + "*"  # one for each channel
UPSTREAM = "*." + INTAKE_LOG  # one for each installation below


class Right(NamedTuple):
    """Some operations on some topics."""

    operations: tuple[str, ...]
    topics: tuple[str, ...]


# whoever may read or write a topic may see it; `Create` is for the first start, which makes what is missing
PROCESSES: dict[str, tuple[Right, ...]] = {
    "run": (
        Right(("Read", "Write", "Create"), (INTAKE_LOG, ALERTS, ALERTS_NOW, DEAD_LETTERS, GROUP, RAW)),
        Right(("Read", "Create"), (ACTIONS, RECEIPTS)),
        Right(("Read",), (UPSTREAM,)),
    ),
    "serve": (Right(("Write", "Create"), (ACTIONS,)),),
    "upkeep": (  # `anlan doctor`, `backup`, `restore`, `migrate`
        Right(
            ("Read", "Create", "DescribeConfigs", "AlterConfigs"),
            (INTAKE_LOG, ALERTS, ALERTS_NOW, DEAD_LETTERS, ACTIONS, RECEIPTS, GROUP, RAW),
        ),
        Right(("Describe",), (UPSTREAM,)),
    ),
    "ingest": (Right(("Write", "Create"), (RAW, DEAD_LETTERS)),),
    "replay": (Right(("Read",), (INTAKE_LOG,)),),  # `anlan digest --log`
    "department": (Right(("Write",), (RAW,)),),
    "messenger": (Right(("Write",), (RECEIPTS,)),),
    "reader": (Right(("Read",), (ALERTS, ALERTS_NOW)),),
}
GROUPS = {"run": "{client}.", "reader": "{user}."}  # what the names of their consumer groups begin with


def commands(process: str, user: str, channels: Iterable[str], brokers: Where = "") -> list[str]:
    """The calls of `kafka-acls.sh` that give a user the rights of a process, on the raw topics of these channels.

    `brokers` say what our topics are called there. `$KAFKA` is their address and `$ADMIN` the file in which the
    administrator says who they are.
    """
    many = {RAW: [RAW_PREFIX + channel for channel in channels], UPSTREAM: list(address_of(brokers).others)}
    there = BrokerNames(brokers).there
    told = []
    for right in PROCESSES[process]:
        if names := [there(name) for topic in right.topics for name in many.get(topic, [topic])]:
            told.append(_command(user, right.operations, [f"--topic {name}" for name in names]))
    if process in GROUPS:
        group = GROUPS[process].format(user=user, client=there(CLIENT))
        told.append(_command(user, ("Read",), [f"--group {group}", "--resource-pattern-type prefixed"]))
    return told


def _command(user: str, operations: Iterable[str], on: Iterable[str]) -> str:
    may = " ".join(f"--operation {operation}" for operation in operations)
    whom = f'kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --add --allow-principal "User:{user}"'
    return f"{whom} {may} {' '.join(on)}"
