"""What several tests of feeds share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from connectors.embedded import Valkey
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


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of the test's own, which it may kill; what it has answered is there when it starts again."""
    with Valkey(tmp_path / "valkey", durable=True) as server:
        yield server
