"""Reading Redis without blocking: what has gone meanwhile, and who waits for something new."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from revisions import a_revision

from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis_views import Nudges, OpenPlace, RedisAwayError, RedisViews

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def client(redis_url: str) -> Any:
    return redis.Redis.from_url(redis_url)


def test_an_alert_that_has_just_gone_keeps_its_place_and_hides_none_behind_it(redis_url: str, client: Any) -> None:
    for number in range(5):
        client.zadd("alerts:open", {f"a{number}": 1e13 + number})
        if number != 3:
            json = msgspec.json.encode(a_revision(f"a{number}", 1, AT))
            client.hset(f"alert:a{number}", mapping={"json": json})

    async def read() -> list[list[str]]:
        views = RedisViews(redis_url)
        pages, before = [], None
        while page := await views.open_alerts("", before, 2):
            pages.append([place.alert_id for place, revision in page if revision is not None])
            before = page[-1][0]
        await views.close()
        return pages

    assert asyncio.run(read()) == [["a4"], ["a2", "a1"], ["a0"]]


def test_equal_scores_are_paged_by_id_without_a_double(redis_url: str, client: Any) -> None:
    client.zadd("alerts:open", {f"a{number}": 1e13 for number in range(7)})

    async def read() -> list[str]:
        views = RedisViews(redis_url)
        found, before = [], OpenPlace(1e13, "a5")
        while page := await views.open_alerts("", before, 3):
            found += [place.alert_id for place, _ in page]
            before = page[-1][0]
        await views.close()
        return found

    assert asyncio.run(read()) == ["a4", "a3", "a2", "a1", "a0"]


def test_who_waits_is_woken_by_what_comes_and_by_the_end(redis_url: str, client: Any) -> None:
    async def watch() -> tuple[int, bool]:
        views = RedisViews(redis_url)
        nudges = Nudges(views)
        watching = asyncio.create_task(nudges.run())
        while nudges.count == 0:
            client.xadd("alerts:all", {"feed_seq": 1, "json": "{}"})
            await nudges.wait(0, 0.1)
        waiting = asyncio.create_task(nudges.wait(nudges.count, 60))
        await asyncio.sleep(0)
        await nudges.close()
        watching.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(waiting, watching, return_exceptions=True)
        await views.close()
        return nudges.count, nudges.is_closed

    count, is_closed = asyncio.run(watch())

    assert (count > 1, is_closed) == (True, True)


def test_feeds_that_are_missed_are_told_once_and_so_is_their_return(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.redis_views.NUDGE_SECONDS", 0.1)
    metrics, server = Metrics(), Valkey(tmp_path, durable=False)

    async def missed(state: float) -> None:
        async with asyncio.timeout(20):
            while metrics.value("anlan_feeds_missed_state") != state:
                await asyncio.sleep(0.01)

    async def watch() -> None:
        views = RedisViews(server.url)
        nudges = Nudges(views, metrics)
        watching = asyncio.create_task(nudges.run())
        await asyncio.to_thread(server.stop)
        await missed(1)
        await asyncio.to_thread(server.start)
        await missed(0)
        await nudges.close()
        watching.cancel()
        await asyncio.wait([watching])
        await views.close()

    with server, caplog.at_level("WARNING", "anlan.redis"):
        asyncio.run(watch())

    assert [record.message.split()[0] for record in caplog.records] == ["feeds_missed", "feeds_found"]


def test_a_server_that_is_away_is_an_error_of_its_own() -> None:
    async def ask() -> None:
        await RedisViews("redis://127.0.0.1:1/0").ping()

    with pytest.raises(RedisAwayError, match="redis must answer; got `ConnectionError`; try again"):
        asyncio.run(ask())
