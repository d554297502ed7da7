"""What several tests of feeds share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink, RedisAlertWriter


@pytest.fixture
def writer(redis_url: str) -> Iterator[RedisAlertWriter]:
    part = RedisAlertSink(redis_url, Metrics()).build_part("redis", "feed", None)
    yield part
    part.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
