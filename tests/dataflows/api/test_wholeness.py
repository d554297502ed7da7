"""A Redis that has lost some of the feed answers like any other: the service says so, and is whole after a restore."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from live_flow import wait_until
from service import AT, Client, World

from alerts.model import Revision, to_us
from connectors.clickhouse_alerts import PoolAwayError, PoolViews
from connectors.metrics import Metrics
from connectors.redis_restore import Feeds, Needed
from connectors.redis_views import RedisViews
from dataflows.api import wholeness
from dataflows.api.wholeness import Wholeness

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholeness, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(wholeness, "ON_ITS_WAY_SECONDS", 0.05)
    monkeypatch.setattr("dataflows.api.routes_health.REMEMBER_SECONDS", 0.0)


@pytest.fixture
def told(world: World) -> list[Revision]:
    return [world.say("a"), world.say("b"), world.say("a", 2)]


def ready(client: Client) -> dict[str, Any]:
    answer = client.get("", "/health/ready")
    assert answer.status_code == 200
    return dict(answer.json())


def says_whole(client: Client) -> set[bool]:
    return {client.get("city", path).json()["is_whole"] for path in ("/v1/snapshot", "/v1/standing")}


def restore(world: World, told: list[Revision]) -> None:
    needed = Needed(to_us(AT))
    for revision in told:
        needed.take(msgspec.json.encode(revision))
    with Feeds(world.redis_url) as feeds:
        feeds.empty()
        list(feeds.write_revisions(needed))


def test_a_redis_that_was_wiped_is_said_until_it_is_restored(
    world: World, told: list[Revision], client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    before = ready(client)["status"], says_whole(client)
    world.redis.flushdb()
    wait_until(lambda: ready(client)["status"] == "incomplete", "a quiet feed that is lost must be said")
    quiet = ready(client)["redis"], says_whole(client)
    told.append(world.say("c"))
    wait_until(lambda: world.redis.exists("alerts:lost"), "the next alert must show the hole")
    wait_until(lambda: "lacks 3 of" in ready(client)["redis"], "one that is there must not hide those that are not")
    gone_on = says_whole(client)
    restore(world, told)
    wait_until(lambda: ready(client)["status"] == "ready", "what is restored must be whole")

    assert before == ("ready", {True})
    assert quiet == ("redis must have the whole feed; got one that lacks 3 of what readers were told", {False})
    assert (gone_on, says_whole(client)) == ({False}, {True})
    said = [text.split()[0] for text in caplog.messages if text.startswith("feed_")]
    assert said == ["feed_incomplete", "feed_whole"]


def test_a_pool_that_hangs_holds_nobody_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholeness, "FIRST_SECONDS", 0.01)

    async def ask() -> str:
        redis, pool, let_go = RedisViews(world.redis_url), PoolViews(world.clickhouse), asyncio.Event()
        monkeypatch.setattr(pool, "ask", lambda question: let_go.wait())
        compared = Wholeness(redis, pool, Metrics())
        looking = asyncio.create_task(compared.run())
        async with asyncio.timeout(5):
            said = await compared.says()
        looking.cancel()
        await asyncio.wait([looking])
        pool.close()
        await redis.close()
        return said

    assert asyncio.run(ask()) == ""


def test_what_is_on_its_way_is_not_missing(world: World, told: list[Revision], monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool may have it first. Where the pool is away, what was known of it holds."""
    metrics, pauses = Metrics(), []

    async def arrives(seconds: float) -> None:
        pauses.append(seconds)
        world.redis.set("alerts:feed_seq", 3)

    async def away(question: object) -> None:
        raise PoolAwayError

    async def look() -> list[float]:
        redis, pool = RedisViews(world.redis_url), PoolViews(world.clickhouse)
        compared, found = Wholeness(redis, pool, metrics), []
        for place in (2, 1):
            world.redis.set("alerts:feed_seq", place)
            await compared.look()
            found.append(metrics.value("anlan_revisions_lost_count"))
            monkeypatch.setattr(wholeness.asyncio, "sleep", sleep)
            monkeypatch.setattr(pool, "ask", away)
        pool.close()
        await redis.close()
        return found

    sleep = asyncio.sleep
    monkeypatch.setattr(wholeness.asyncio, "sleep", arrives)
    assert (asyncio.run(look()), pauses) == ([0.0, 2.0], [0.05])
