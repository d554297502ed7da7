"""Actions go to Kafka: what `send` has returned from is with the brokers, and a desk will say what became of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec

from alerts.model import AlertAction
from connectors.address import Where
from connectors.kafka import ACTIONS, BrokerError, RawProducer, ensure_topics
from connectors.kafka_client import cluster_id
from dataflows.api.problem import AwayError

BROKER_SECONDS = 5.0  # how long a request waits for the brokers
LOOK_SECONDS = 2.0


class ActionSender:
    """One thread that owns the producer. What was not taken in time may arrive all the same: try with the same id."""

    def __init__(self, bootstrap: Where) -> None:
        self._bootstrap = bootstrap
        self._producer: RawProducer | None = None
        self._thread = ThreadPoolExecutor(1, "api-actions")
        self._looking = ThreadPoolExecutor(1, "api-kafka-looks")

    async def send(self, action: AlertAction) -> None:
        """Hand an action to the brokers. Raises `AwayError` where they do not take it in time."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._deliver, action)
        except BrokerError as error:
            sentence = "kafka must take the action; got no answer in time; try again with the same `action_id`"
            raise AwayError(sentence, action_id=action.action_id) from error

    def _deliver(self, action: AlertAction) -> None:
        producer = self._producer or self._opened()
        self._producer = None  # unless all goes well: a producer that failed is not used again
        producer.send(ACTIONS, msgspec.json.encode(action), key=action.alert_id.encode() or None)
        producer.flush()
        self._producer = producer

    def _opened(self) -> RawProducer:
        ensure_topics(self._bootstrap, {ACTIONS: 1}, BROKER_SECONDS)
        return RawProducer(self._bootstrap, BROKER_SECONDS)

    async def is_answering(self) -> bool:
        """Do the brokers answer?"""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._looking, cluster_id, self._bootstrap, LOOK_SECONDS) is not None

    def close(self) -> None:
        """End the threads; nothing is left to send, since each action was waited for."""
        self._thread.shutdown()
        self._looking.shutdown()
