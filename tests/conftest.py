"""Real servers for the tests that ask for them: one broker and one Valkey a session, a clean place a test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from apache_kafka import require_apache_kafka
from clickhouse_server import ClickHouseServer
from hypothesis import HealthCheck, settings
from live_flow import LiveFlow
from locked_kafka import LockedKafka
from pool_copy import copy_pool, make_tables

from connectors.apache_kafka import ApacheKafka
from connectors.embedded import Broker, Engine, Valkey
from dataflows.cli.keys import make_keys

# a busy machine is no failure: how long an example takes says nothing about the code
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("thorough", settings.get_profile("house"), max_examples=1_000)
settings.load_profile(os.environ.get("ANLAN_HYPOTHESIS", "house"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the whole session; use `topic_prefix` to stay out of each other's way."""
    with Broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedKafka]:
    """One Apache Kafka for the session; a test that kills it starts it again."""
    require_apache_kafka()
    with LockedKafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey"), durable=False) as running:
        yield running


@pytest.fixture
def bootstrap(request: pytest.FixtureRequest) -> str:
    """The address of the broker: ours, or one that `ANLAN_TEST_KAFKA` names, to test against Apache Kafka."""
    elsewhere = os.environ.get("ANLAN_TEST_KAFKA")
    return elsewhere or request.getfixturevalue("broker").bootstrap


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}."


@pytest.fixture
def valkey(_valkey: Valkey) -> Valkey:
    """Valkey with nothing in it."""
    redis.Redis.from_url(_valkey.url).flushall()
    return _valkey


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The address of an empty Valkey."""
    return valkey.url


@pytest.fixture
def apache_kafka(tmp_path: Path) -> Iterator[ApacheKafka]:
    """An Apache Kafka of the test's own: the embedded broker deletes no records."""
    require_apache_kafka()
    with ApacheKafka(tmp_path / "apache-kafka") as running:
        yield running


@pytest.fixture
def clickhouse_server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    """An empty ClickHouse server of the test's own, which it may kill, hang and let refuse."""
    with ClickHouseServer(tmp_path / "clickhouse-server") as running:
        yield running


@pytest.fixture
def clickhouse_dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh folder for the ClickHouse engine; close every client of it before the test ends.

    With `ANLAN_TEST_CLICKHOUSE=server` it is a server, spoken to over HTTP, as in production.
    """
    if os.environ.get("ANLAN_TEST_CLICKHOUSE") == "server":
        return str(request.getfixturevalue("clickhouse_server").dsn)
    return Engine(tmp_path / "clickhouse").dsn


@pytest.fixture(scope="session")
def pool_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool that has its tables and no row, to copy; nobody opens this one again."""
    folder = tmp_path_factory.mktemp("pool") / "clickhouse"
    make_tables(Engine(folder).dsn)
    return folder


@pytest.fixture
def pool_dsn(request: pytest.FixtureRequest, clickhouse_dsn: str) -> str:
    """As `clickhouse_dsn`, with the pool's tables in it."""
    if clickhouse_dsn.startswith("chdb://"):
        copy_pool(request.getfixturevalue("pool_folder"), Path(clickhouse_dsn.removeprefix("chdb://")))
    make_tables(clickhouse_dsn)
    return clickhouse_dsn


@pytest.fixture
def live_flow(tmp_path: Path, pool_folder: Path) -> Iterator[LiveFlow]:
    """An installation whose pool has its tables already, as after the first start."""
    make_keys(tmp_path / "keys")
    copy_pool(pool_folder, tmp_path / "pool")
    found = LiveFlow(tmp_path)
    with found.broker, found.valkey:
        yield found
        if found.flow is not None and found.flow.poll() is None:
            found.flow.kill()
            found.flow.wait()
