"""Redis and ClickHouse behind TLS and passwords: who is let in, what is refused, and in which words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from broker_talk import until
from certificates import Authority
from clickhouse_server import ClickHouseServer
from revisions import a_revision
from tls_door import TlsDoor

from alerts.model import Revision, from_us
from connectors.address import Address, Lock, UnsafeError
from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolRefusedError
from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink, greatest_epoch
from connectors.redis_client import RedisRefusedError, require_redis
from connectors.redis_keys import process_access
from connectors.redis_people import RedisPeopleSink
from connectors.redis_restore import Feeds
from connectors.redis_views import RedisAwayError, RedisViews

pytestmark = pytest.mark.integration

SECRET = "sesame-open-yourself"
AT = from_us(1_772_000_000_000_000)
SEE_CERTIFICATE = "; see `tls_ca`, and the names and dates in the server's certificate"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def lock(authority: Authority, tmp_path: Path) -> Lock:
    """How the flow's user comes in."""
    password, pair = tmp_path / "password", authority.sign("anlan")
    password.write_text(SECRET)
    ours = (str(authority.ca), str(pair.certificate), str(pair.key))
    return Lock(True, *ours, user="anlan", password_file=str(password))


@pytest.fixture
def cache(valkey: Valkey, authority: Authority, lock: Lock) -> Iterator[Address]:
    """A Valkey that takes TLS with a certificate of ours, and has a user for each process."""
    with redis.Redis.from_url(valkey.url) as admin, TlsDoor(valkey.address, authority.sign("cache"), authority) as door:
        for user, process in (("anlan", "run"), ("service", "serve")):
            admin.execute_command("ACL", "SETUSER", user, "reset", "on", f">{SECRET}", *process_access(process))
        yield Address(f"rediss://{door.address}/0", lock)
        admin.execute_command("ACL", "DELUSER", "anlan", "service")


@pytest.fixture
def pool(clickhouse_server: ClickHouseServer, authority: Authority, lock: Lock) -> Iterator[Address]:
    """A ClickHouse that takes TLS with a certificate of ours, and one user."""
    clickhouse_server.ask_for("anlan", SECRET)
    with TlsDoor(clickhouse_server.address, authority.sign("pool"), authority) as door:
        yield Address(f"https://{door.address}/default", lock)


def with_lock(address: Address, **changed: Any) -> Address:
    return msgspec.structs.replace(address, lock=msgspec.structs.replace(address.lock, **changed))


def revision(number: int) -> Revision:
    return a_revision("a", number, AT + timedelta(seconds=number), content_hash=str(number), feed_seq=number)


def test_the_flows_user_writes_feeds_and_what_people_did_over_tls(cache: Address) -> None:
    part = RedisAlertSink(cache, Metrics()).build_part("redis", "feed", None)
    part.write_batch([[revision(1), revision(2)]])
    part.close()
    people = RedisPeopleSink(cache, Metrics()).build_part("people", "people", None)
    people.snapshot()
    people.close()

    assert greatest_epoch(cache) == revision(1).engine_epoch


def test_the_flows_user_of_one_installation_touches_no_key_of_another(cache: Address, valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as admin:
        rights = process_access("run", "{lanzhou}:")
        admin.execute_command("ACL", "SETUSER", "anlan", "reset", "on", f">{SECRET}", *rights)
    own, other = (msgspec.structs.replace(cache, prefix=f"{{{name}}}:") for name in ("lanzhou", "baiyin"))
    part = RedisAlertSink(own, Metrics()).build_part("redis", "feed", None)
    part.write_batch([[revision(1)]])
    part.close()

    there = RedisAlertSink(other, Metrics(), patience=timedelta(0)).build_part("redis", "feed", None)

    assert greatest_epoch(own) == revision(1).engine_epoch
    with pytest.raises(RedisRefusedError, match=r"(?i)no permissions"):
        greatest_epoch(other)
    with pytest.raises(RuntimeError, match=r"(?i)no permissions"):
        there.write_batch([[revision(1)]])


def test_a_restore_without_its_rights_says_which_it_needs(cache: Address) -> None:
    with (
        pytest.raises(RedisRefusedError, match=r"redis must let us in; got `.*scan.*`anlan access process`"),
        Feeds(cache) as feeds,
    ):
        feeds.empty()


def test_the_services_user_reads_them_and_writes_nothing(cache: Address) -> None:
    part = RedisAlertSink(cache, Metrics()).build_part("redis", "feed", None)
    part.write_batch([[revision(1)]])
    part.close()
    service = with_lock(cache, user="service")
    writing = RedisAlertSink(service, Metrics(), patience=timedelta(0)).build_part("redis", "feed", None)

    assert asyncio.run(end_of_the_feed(service))[1] == 1
    with pytest.raises(RuntimeError, match=r"got `redis must let us in; got `.*no permissions.*`anlan access process`"):
        writing.write_batch([[revision(2)]])


def test_a_service_that_is_not_let_in_says_that_redis_does_not_answer(cache: Address) -> None:
    with pytest.raises(RedisAwayError, match="redis must answer; got `AuthenticationError`"):
        asyncio.run(end_of_the_feed(with_lock(cache, user="nobody")))


async def end_of_the_feed(address: Address) -> tuple[str, int]:
    views = RedisViews(address)
    try:
        return await views.end()
    finally:
        await views.close()


def test_a_wrong_user_or_password_is_told_by_its_settings(cache: Address, tmp_path: Path) -> None:
    (tmp_path / "another").write_text("another")

    for wrong in ({"user": "nobody"}, {"password_file": str(tmp_path / "another")}):
        with pytest.raises(RedisRefusedError) as told:
            require_redis(with_lock(cache, **wrong))
        place = cache.place.removeprefix("rediss://").removesuffix("/0")
        assert str(told.value).startswith("redis must let us in; got `")
        assert str(told.value).endswith(f"` ({place}); see `redis_user` and `redis_password_file`")


WORTHLESS: dict[str, tuple[dict[str, Any], str]] = {
    "out of date": ({"expired": True}, "certificate has expired"),
    "another name": ({"host": "127.0.0.2"}, "certificate is not valid for '127.0.0.1'"),
}


@pytest.mark.parametrize("why", WORTHLESS)
def test_a_certificate_that_is_worth_nothing_is_told_with_its_reason(
    cache: Address, valkey: Valkey, authority: Authority, why: str
) -> None:
    shown, said = WORTHLESS[why]
    with TlsDoor(valkey.address, authority.sign("worthless", **shown)) as door:
        address = msgspec.structs.replace(cache, place=f"rediss://{door.address}/0")

        with pytest.raises(UnsafeError, match=f"{said}.*{SEE_CERTIFICATE}"):
            require_redis(address)


def test_a_certificate_that_a_stranger_signed_is_refused(cache: Address, tmp_path: Path) -> None:
    with pytest.raises(UnsafeError, match=f"certificate verify failed.*{SEE_CERTIFICATE}"):
        require_redis(with_lock(cache, ca=str(Authority(tmp_path, "stranger").ca)))


def test_alerts_wait_while_a_certificate_is_out_of_date_and_go_on_when_it_is_replaced(
    valkey: Valkey, authority: Authority, lock: Lock, tmp_path: Path, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = msgspec.structs.replace(lock, user="", password_file="")
    with TlsDoor(valkey.address, authority.sign("late", expired=True)) as door:
        url = Address(f"rediss://{door.address}/0", nobody)
        part = RedisAlertSink(url, Metrics(), spool=tmp_path / "spool").build_part("redis", "feed", None)
        part.write_batch([[revision(1)]])
        part.snapshot()
        before = client.xlen("alerts:all")

        door.show(authority.sign("in-time"))
        until(lambda: client.xlen("alerts:all") == 1, 30)
        part.close()

    assert before == 0
    assert any("sink_away sink=redis" in line and "certificate has expired" in line for line in caplog.messages)


def test_who_shows_no_certificate_or_speaks_no_tls_gets_no_answer(cache: Address) -> None:
    for wrong in (
        with_lock(cache, certificate="", key=""),
        msgspec.structs.replace(with_lock(cache, is_tls=False), place=cache.place.replace("rediss", "redis")),
    ):
        with pytest.raises(ConnectionError, match=r"redis must answer; got .*; start it, or see `redis` and w"):
            require_redis(wrong)


def test_the_pool_is_asked_over_https_with_a_certificate_and_a_password(pool: Address) -> None:
    with Pool(pool) as opened:
        assert opened.rows("SELECT 1 AS one") == [{"one": 1}]


def test_a_pool_that_does_not_let_us_in_names_the_settings(pool: Address, authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(PoolRefusedError, match=r"clickhouse must let us in; .*; see `clickhouse_user` and `cl"):
        Pool(with_lock(pool, user="nobody"), patience=timedelta(0))
    with pytest.raises(UnsafeError, match=f"clickhouse must show a certificate that we trust; .*{SEE_CERTIFICATE}"):
        Pool(with_lock(pool, ca=str(Authority(tmp_path, "stranger").ca)), patience=timedelta(0))
    with pytest.raises(ConnectionError, match="clickhouse must answer; "):
        Pool(with_lock(pool, certificate="", key=""), patience=timedelta(0))


def test_https_is_spoken_whatever_the_port(pool: Address) -> None:
    assert not pool.place.endswith(("443/default", "8443/default"))
    with Pool(pool):
        pass
    with pytest.raises(ConnectionError, match="clickhouse must answer; "):
        Pool(msgspec.structs.replace(pool, place=pool.place.replace("https", "http")), patience=timedelta(0))
