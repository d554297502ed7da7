"""What a Kafka cluster has: whether it answers, which topics there are, making those that are missing.

The client library is imported in the modules `kafka_*.py` and nowhere else. No consumer groups and no transactions:
positions live in the flow's own snapshots, and not every broker that speaks Kafka can do more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectors.address import Where, address_of, kafka_options
from connectors.kafka_names import BrokerNames
from connectors.kafka_refusal import Complaint, remedy
from connectors.kafka_topics import topic_config
from connectors.kafka_watch import Ear

Place = tuple[str, int]  # topic, partition
Show = Callable[[Mapping[Place, int]], None]  # told for each partition the offset that is read next

PATIENCE_SECONDS = 30.0
CLIENT = "anlan"  # what brokers call us in their quotas and logs, behind our prefix
_LOOK_SECONDS = 1.0  # between two looks whether the broker refused us
_SILENT = 0  # the library would write to stderr many times a second while a broker is away


class BrokerError(RuntimeError):
    """Kafka cannot do what must be done, and trying again would not help; the message says where."""


class OffsetGoneError(BrokerError):
    """A topic does not have the record that is next any more, or not yet: going on would be a loss nobody sees."""


def client_config(bootstrap: Where, ear: Ear | None = None) -> dict[str, Any]:
    """What every client is told: where the brokers are, how they let us in, and to complain to an ear, else nobody."""
    heard = {"error_cb": _nobody} if ear is None else ear.config()
    address = address_of(bootstrap)
    client = BrokerNames(address).there(CLIENT)
    known: dict[str, Any] = {"bootstrap.servers": address.place, "client.id": client, "log_level": _SILENT}
    return {**known, **kafka_options(address.lock), **heard}


def to_nobody(positions: Mapping[Place, int]) -> None:
    """Show nobody how far reading is."""


def _nobody(error: KafkaError) -> None:
    """Who asks once and waits for the answer is told by the answer."""


def cluster_id(bootstrap: Where, seconds: float) -> str | None:
    """The name of the cluster that answers at this address, or nothing when none answers in time."""
    try:
        return _admin(bootstrap).list_topics(timeout=seconds).cluster_id
    except KafkaException:
        return None


def partitions_of(bootstrap: Where, topics: Iterable[str], seconds: float = PATIENCE_SECONDS) -> dict[str, int]:
    """How many partitions each topic has; a topic that is not there is refused."""
    known = _topics(bootstrap, seconds)
    wanted = list(topics)
    if missing := [BrokerNames(bootstrap).there(topic) for topic in wanted if topic not in known]:
        raise BrokerError(
            f"topics must exist before they are used; got no `{', '.join(missing)}` ({bootstrap});"
            " make them, or give our user its rights: `anlan access process` prints them"
        )
    return {topic: known[topic] for topic in wanted}


def ensure_topics(bootstrap: Where, topics: Mapping[str, int], seconds: float = PATIENCE_SECONDS) -> dict[str, int]:
    """Make the topics that are not there yet; returns the partitions that each one has now.

    A topic that exists stays as it is, also with another number of partitions: whoever reads it asks.
    """
    end = time.monotonic() + seconds
    known = _topics(bootstrap, seconds)
    if missing := {topic: count for topic, count in topics.items() if topic not in known}:
        _create(bootstrap, missing, seconds)
    while not_there := [topic for topic in topics if topic not in known]:
        if time.monotonic() > end:
            raise BrokerError(
                f"topics must be there {seconds:g} s after they were made; got no `{', '.join(not_there)}`"
                f" ({bootstrap})"
            )
        time.sleep(0.02)
        known = _topics(bootstrap, seconds)
    return {topic: known[topic] for topic in topics}


def _create(bootstrap: Where, topics: Mapping[str, int], seconds: float) -> None:
    # -1 copies: as many as the broker makes by itself
    there = BrokerNames(bootstrap).there
    wanted = [NewTopic(there(topic), count, -1, config=topic_config(topic)) for topic, count in topics.items()]
    admin = _admin(bootstrap)  # held until all answers are in: without it they do not come
    answers = admin.create_topics(wanted, operation_timeout=seconds, request_timeout=seconds)
    for topic, answer in answers.items():
        try:
            answer.result(seconds + 1)
        except KafkaException as failure:
            error = failure.args[0]
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise BrokerError(
                    f"topic `{topic}` must be made; got `{error.str()}` ({bootstrap}){remedy(error.code())}"
                ) from None


def remove_topic(bootstrap: Where, topic: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Remove a topic with all that is in it; returns when it is gone. One that is not there is gone."""
    end = time.monotonic() + seconds
    there = BrokerNames(bootstrap).there(topic)
    admin = _admin(bootstrap)
    try:
        admin.delete_topics([there], operation_timeout=seconds, request_timeout=seconds)[there].result(seconds + 1)
    except KafkaException as failure:
        error = failure.args[0]
        if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise BrokerError(
                f"topic `{there}` must be removed; got `{error.str()}` ({bootstrap}){remedy(error.code())}"
            ) from None
    while topic in _topics(bootstrap, seconds):
        if time.monotonic() > end:
            raise BrokerError(
                f"topic `{there}` must be gone {seconds:g} s after it was removed; it is there ({bootstrap})"
            )
        time.sleep(0.02)


def _topics(bootstrap: Where, seconds: float) -> dict[str, int]:
    """The topics that concern us and can be used, with their partitions; one that we may not see is not there."""
    heard = Complaint()
    asking: dict[str, Any] = {**client_config(bootstrap), "error_cb": heard.hear}
    admin = AdminClient(asking)
    end = time.monotonic() + seconds
    while True:
        try:
            # all of them: a question for one topic by its name makes some brokers create it
            known = admin.list_topics(timeout=max(0.01, min(_LOOK_SECONDS, end - time.monotonic()))).topics
        except KafkaException as failure:
            admin.poll(0.05)
            if heard.is_final:
                heard.look_closer(address_of(bootstrap))
                raise BrokerError(f"broker must let us in; got `{heard.said}` ({bootstrap}){heard.remedy}") from None
            said = heard.said or failure.args[0].str()
            if time.monotonic() >= end:
                raise BrokerError(
                    f"broker must answer within {seconds:g} s; got `{said}` ({bootstrap}){heard.remedy}"
                ) from None
        else:
            here = BrokerNames(bootstrap).here
            found = {here(name): len(topic.partitions) for name, topic in known.items() if _is_usable(topic)}
            return {name: count for name, count in found.items() if name is not None}


def _is_usable(topic: Any) -> bool:
    return bool(topic.partitions) and all(part.leader >= 0 for part in topic.partitions.values())


def _admin(bootstrap: Where) -> AdminClient:
    return AdminClient(client_config(bootstrap))
