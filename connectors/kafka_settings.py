"""Telling a broker how topics are to be kept, where they are there already."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connectors.address import Where
from connectors.kafka_client import BrokerError, client_config
from connectors.kafka_look import SECONDS
from connectors.kafka_names import BrokerNames


def set_topic(bootstrap: Where, topic: str, settings: Mapping[str, str]) -> None:
    """Change some settings of a topic, and leave the others. Raises `BrokerError` where the broker does not."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in settings.items()
    ]
    asked = ConfigResource(ResourceType.TOPIC, BrokerNames(bootstrap).there(topic), incremental_configs=entries)
    admin = AdminClient(client_config(bootstrap))
    try:
        for answer in admin.incremental_alter_configs([asked], request_timeout=SECONDS).values():
            answer.result(SECONDS + 1)
    except KafkaException as failure:
        said = failure.args[0].str()
        raise BrokerError(f"topic `{topic}` must be kept as told; got `{said}` ({bootstrap})") from None
