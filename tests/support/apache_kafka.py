"""Where a test needs Apache Kafka."""

from __future__ import annotations

import os

import pytest

from connectors.apache_kafka import ApacheKafka

REQUIRED = "ANLAN_REQUIRE_APACHE_KAFKA"


def require_apache_kafka() -> None:
    """Skip the test where Apache Kafka cannot be had; fail it where that was asked for."""
    if why := ApacheKafka.missing():
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(why)
        pytest.skip(why)
