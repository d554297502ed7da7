"""A look at a Kafka cluster: its brokers, and how the topics are kept. Nothing is changed by it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connectors.address import Where
from connectors.kafka_client import BrokerError, client_config
from connectors.kafka_names import BrokerNames

SECONDS = 5.0


class TopicLook(NamedTuple):
    """How a topic is kept."""

    partitions: int
    copies: int
    settings: dict[str, str] | None  # as the broker names them, defaults included; None where we may not know


class ClusterLook(NamedTuple):
    """What a cluster is made of, and those of the wanted topics that it has."""

    brokers: int
    topics: dict[str, TopicLook]


def look_at_cluster(bootstrap: Where, wanted: Iterable[str]) -> ClusterLook:
    """What there is. Raises `BrokerError` where no broker answers in time."""
    admin = AdminClient(client_config(bootstrap))
    names = {topic: BrokerNames(bootstrap).there(topic) for topic in wanted}
    try:
        known = admin.list_topics(timeout=SECONDS)
        there = {topic: known.topics[name] for topic, name in names.items() if name in known.topics}
        asked = [ConfigResource(ResourceType.TOPIC, names[topic]) for topic in there]
        answers = admin.describe_configs(asked, request_timeout=SECONDS) if asked else {}
        settings = {of.name: _settings(answer) for of, answer in answers.items()}
    except KafkaException as failure:
        said = failure.args[0].str()
        raise BrokerError(f"broker must answer within {SECONDS:g} s; got `{said}` ({bootstrap})") from None
    return ClusterLook(
        len(known.brokers),
        {
            topic: TopicLook(
                len(found.partitions),
                min((len(part.replicas) for part in found.partitions.values()), default=0),
                settings[names[topic]],
            )
            for topic, found in there.items()
        },
    )


def _settings(answer: Future[dict[str, Any]]) -> dict[str, str] | None:
    try:
        return {entry.name: str(entry.value) for entry in answer.result(SECONDS + 1).values()}
    except KafkaException as failure:
        if failure.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return None
        raise
