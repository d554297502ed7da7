"""Who may ask: every route but those of the health and the description asks for a token, and how often."""

from __future__ import annotations

import logging

import pytest
from service import Client, World

from dataflows.api.caller import Caller
from dataflows.api.limits import Buckets, Limits
from dataflows.api.problem import RefusedError
from dataflows.api.watched import HEADERS

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("shown", [None, "Bearer x", "Basic x", "Bearer", "bearer  "], ids=str)
def test_without_a_known_token_nothing_is_answered(client: Client, shown: str | None) -> None:
    answer = client.get("", "/v1/alerts", headers={"authorization": shown} if shown else {})

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["detail"] == (
        "`Authorization` must be `Bearer <token>` with a known token; got another or none"
    )


def test_who_asks_too_often_is_told_when_to_come_again(world: World) -> None:
    with world.client(Limits(per_second=0.1, at_once=3)) as client:
        found = [client.get("here", "/v1/alerts").status_code for _ in range(4)]
        refused = client.get("here", "/v1/alerts")

        assert found == [200, 200, 200, 429]
        assert (int(refused.headers["retry-after"]) - 1) in range(10)
        assert refused.json()["detail"].startswith("requests must be at most 0.1 a second; got more; wait ")
        assert client.get("there", "/v1/alerts").status_code == 200, "each token has its own"


def test_a_bucket_fills_again_and_holds_no_more_than_it_may() -> None:
    now = 0.0
    buckets = Buckets(Limits(per_second=2, at_once=2), lambda: now)

    def takes() -> int:
        for count in range(10):
            try:
                buckets.take("li")
            except RefusedError:
                return count
        return 10

    assert takes() == 2
    now = 0.5
    assert takes() == 1
    now = 100.0
    assert takes() == 2


def test_every_answer_has_an_id_and_careful_headers(client: Client) -> None:
    for path in ("/v1/alerts", "/nowhere", "/health/live", "/openapi.json"):
        answer = client.get("here", path, headers={"x-request-id": "from-the-board-1"})

        assert answer.headers["x-request-id"] == "from-the-board-1"
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
        assert len(answer.headers.get_list("cache-control")) == 1


@pytest.mark.parametrize("given", ["a b c d e f g h", "13812345678"])
def test_an_id_that_is_no_plain_word_is_replaced(client: Client, given: str) -> None:
    answer = client.get("here", "/v1/alerts", headers={"x-request-id": given})

    assert len(answer.headers["x-request-id"]) == 32


def test_the_log_has_the_route_and_neither_token_nor_alert_nor_matter(
    world: World, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    world.say("alert-1")
    with caplog.at_level(logging.INFO, "anlan.api"):
        client.get("here", "/v1/alerts/alert-1", headers={"x-request-id": "request-1"})
        client.get("here", "/v1/matters/m-13812345678/timeline")
        client.get("here", "/etc/passwd/13812345678")

    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "request_answered request=request-1 method=GET route=/v1/alerts/{alert_id} status=200" in said
    assert "route=/v1/matters/{matter}/timeline status=404" in said
    assert "route=other status=404" in said
    for secret in (world.shown["here"], "alert-1 ", "13812345678", "passwd"):
        assert secret not in said


def test_requests_are_counted_by_route_and_status(world: World, client: Client) -> None:
    client.get("here", "/v1/alerts")
    client.get("here", "/v1/alerts/none")
    client.get("here", "/nowhere/1")

    def count(route: str, status: str) -> float:
        return world.metrics.value("anlan_requests_answered_total", route=route, status=status)

    assert (count("/v1/alerts", "200"), count("/v1/alerts/{alert_id}", "404"), count("other", "404")) == (1, 1, 1)
    assert world.metrics.value("anlan_requests_answered_seconds_count", route="/v1/alerts") == 1


def test_a_fault_of_ours_says_nothing_about_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(Caller, "sees_alert", fail)
    monkeypatch.setattr("dataflows.api.sight.Sight.alert", fail)
    answer = client.get("here", "/v1/alerts/a")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert "request_failed error=KeyError" in caplog.text
