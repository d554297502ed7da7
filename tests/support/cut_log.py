"""An intake log whose beginning a broker has dropped."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka import INTAKE_LOG, log_bounds


def cut_off(bootstrap: str, ends: Mapping[int, int] | None = None) -> None:
    """Drop what is before these offsets of the partitions, or the older half, as a broker does by age."""
    bounds = log_bounds(bootstrap, INTAKE_LOG)
    ends = ends or {partition: (low + high) // 2 for partition, (low, high) in bounds.items()}
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [TopicPartition(INTAKE_LOG, partition, end) for partition, end in ends.items()]
    for answer in admin.delete_records(wanted).values():
        answer.result(30)
