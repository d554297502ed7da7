"""The front door to Kafka: its topics, and the sources and sinks of the flows."""

from connectors.kafka_alerts import AlertTopicSink, greatest_topic_epoch, last_told
from connectors.kafka_client import BrokerError, OffsetGoneError, ensure_topics, partitions_of, remove_topic
from connectors.kafka_dead_letters import DeadLetterSink
from connectors.kafka_intake import IntakeLogSink, Logged
from connectors.kafka_log import LogSource
from connectors.kafka_producer import RawProducer
from connectors.kafka_raw import RawSource
from connectors.kafka_reader import RawRecord, Reader, count_records, ends, log_bounds, read_all, read_topic
from connectors.kafka_ticks import TickSource
from connectors.kafka_topics import (
    ACTIONS,
    ALERTS,
    ALERTS_NOW,
    DEAD_LETTERS,
    INTAKE_LOG,
    RECEIPTS,
    raw_topic,
    topics,
)
from connectors.kafka_watch import BrokerWatch

__all__ = [
    "ACTIONS",
    "ALERTS",
    "ALERTS_NOW",
    "DEAD_LETTERS",
    "INTAKE_LOG",
    "RECEIPTS",
    "AlertTopicSink",
    "BrokerError",
    "BrokerWatch",
    "DeadLetterSink",
    "IntakeLogSink",
    "LogSource",
    "Logged",
    "OffsetGoneError",
    "RawProducer",
    "RawRecord",
    "RawSource",
    "Reader",
    "TickSource",
    "count_records",
    "ends",
    "ensure_topics",
    "greatest_topic_epoch",
    "last_told",
    "log_bounds",
    "partitions_of",
    "raw_topic",
    "read_all",
    "read_topic",
    "remove_topic",
    "topics",
]
