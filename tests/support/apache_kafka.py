"""Where a test needs Apache Kafka."""

from __future__ import annotations

from connectors.apache_kafka import ApacheKafka
from tests.support.tools import skip_or_fail

REQUIRED = "ANLAN_REQUIRE_APACHE_KAFKA"


def require_apache_kafka() -> None:
    """Skip the test where Apache Kafka cannot be had; fail it where that was asked for."""
    if why := ApacheKafka.missing():
        skip_or_fail(why, REQUIRED)
