"""Showing brokers how far a flow has read, so that Kafka's own tools and everybody's boards see its lag."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.address import Where
from connectors.kafka_client import CLIENT, Place, client_config
from connectors.kafka_refusal import remedy

INTAKE, DETECTION, RECEIVED = f"{CLIENT}.intake", f"{CLIENT}.detection", f"{CLIENT}.receipts"  # names of groups
ANSWER_SECONDS = 5.0

_log = logging.getLogger("anlan.kafka")


class Progress:
    """Writes positions as the offsets of consumer groups in which nobody is.

    A flow goes on from its own snapshots and never from there. So nothing waits for an answer, one question of a group
    is on its way at a time, and a broker that refuses is told of once.
    """

    def __init__(self, bootstrap: Where) -> None:
        self._admin = AdminClient(client_config(bootstrap))
        self._asked: dict[str, Future[Any]] = {}
        self._is_told = False

    def show(self, group: str, positions: Mapping[Place, int]) -> None:
        """For each partition the offset that is read next; what was shown and not answered yet is not shown again."""
        asked = self._asked.get(group)
        if not positions or (asked is not None and not asked.done()):
            return
        if asked is not None and (error := asked.exception()):
            self._tell(group, error)
        places = [TopicPartition(*place, offset) for place, offset in positions.items()]
        wanted = [ConsumerGroupTopicPartitions(group, places)]
        self._asked[group] = self._admin.alter_consumer_group_offsets(wanted, request_timeout=ANSWER_SECONDS)[group]

    def answered(self) -> bool:
        """Whether everything that was shown has been answered, well or not."""
        return all(asked.done() for asked in self._asked.values())

    def _tell(self, group: str, error: BaseException) -> None:
        if not self._is_told:
            self._is_told = True
            said = error.args[0] if isinstance(error, KafkaException) else KafkaError(KafkaError._FAIL, str(error))
            _log.warning("progress_not_shown group=%s error=`%s`%s", group, said.str(), remedy(said.code()))
