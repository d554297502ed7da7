"""A service with two counties."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Client, World


@pytest.fixture
def world(tmp_path: Path, redis_url: str, pool_dsn: str, bootstrap: str) -> Iterator[World]:
    world = World(tmp_path, redis_url, pool_dsn, bootstrap)
    yield world
    world.close()


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        yield client
