"""The application as a whole: it ends in time, and says what of it works."""

from __future__ import annotations

import time

import pytest
from service import Client, World

pytestmark = pytest.mark.integration


def test_it_ends_at_once_however_short_it_ran(world: World) -> None:
    started = time.monotonic()
    for _ in range(10):
        with world.client():
            pass

    assert time.monotonic() - started < 10


def test_ready_says_which_server_answers(world: World, client: Client) -> None:
    assert client.get("", "/health/ready").json() == {
        "status": "ready", "kafka": "answers", "redis": "answers", "clickhouse": "answers",
    }  # fmt: skip


def test_without_redis_it_is_not_ready(world: World) -> None:
    with world.client(redis="redis://127.0.0.1:1/0") as client:
        answer = client.get("", "/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (503, "away")


def test_without_clickhouse_what_is_open_is_answered_and_history_waits(world: World) -> None:
    world.say("a")
    with world.client(clickhouse="http://127.0.0.1:1/default") as client:
        assert client.get("here", "/v1/alerts/a").status_code == 200
        answer = client.get("here", "/v1/alerts/a/revisions")

        assert (answer.status_code, answer.json()["detail"]) == (
            503, "clickhouse must answer; got `ConnectionError`; try again",
        )  # fmt: skip
        assert client.get("", "/health/ready").json()["status"] == "degraded"
