"""Actions over HTTP: they go to Kafka in the name of the token, and the verdict comes back."""

from __future__ import annotations

from typing import Any

import pytest
from service import AT, HERE, THERE, Client, World

from alerts.model import AlertAction

pytestmark = pytest.mark.integration

ACK: dict[str, Any] = {"action": "ack", "why": "我来处理", "revision": 1, "action_id": "ack-0001"}


def test_an_action_goes_out_in_the_name_of_the_token_and_its_verdict_comes_back(world: World, client: Client) -> None:
    world.say("a")

    with world.desk():
        answer = client.post("here", "/v1/alerts/a/actions?wait=10", ACK)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["verdict"], answer.json()["action"]["actor"]) == ("done", "here")
    assert world.sent() == [
        AlertAction("ack-0001", "ack", "here", "duty.county", AT, HERE, "a", 1, "我来处理"),
    ]


def test_a_refusal_of_the_desk_is_409_with_its_sentence(world: World, client: Client) -> None:
    world.say("a")

    with world.desk(refused="alert must be open; got closed by `quiet`"):
        answer = client.post("here", "/v1/alerts/a/actions?wait=10", ACK)

    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == "alert must be open; got closed by `quiet`"
    assert answer.json()["action_id"] == "ack-0001"


def test_without_a_verdict_in_time_the_action_is_accepted_and_can_be_asked_for(world: World, client: Client) -> None:
    world.say("a")

    answer = client.post("here", "/v1/alerts/a/actions?wait=0", {"action": "note", "why": "x"})
    location = answer.headers["location"]
    before = client.get("here", location).status_code
    world.acted(world.sent()[0])

    assert (answer.status_code, answer.json()["location"]) == (202, location)
    assert before == 404
    assert client.get("here", location).json()["verdict"] == "done"
    assert client.get("there", location).status_code == 404


def test_a_retry_with_the_same_id_sends_nothing_twice(world: World, client: Client) -> None:
    world.say("a")
    with world.desk():
        first = client.post("here", "/v1/alerts/a/actions?wait=10", ACK)

    again = client.post("here", "/v1/alerts/a/actions?wait=0", ACK)

    assert again.json() == first.json()
    assert len(world.sent()) == 1


@pytest.mark.parametrize(("who", "body"), [("city", ACK), ("here", ACK | {"action": "unack"})], ids=["who", "what"])
def test_an_id_stands_for_one_action_and_tells_nobody_else_its_verdict(
    world: World, client: Client, who: str, body: dict[str, Any]
) -> None:
    world.say("a")
    world.acted(AlertAction("ack-0001", "ack", "here", "duty.county", AT, HERE, "a", 1), refused="secret")

    answer = client.post(who, "/v1/alerts/a/actions?wait=0", body)

    assert answer.status_code == 409
    sentence = "`action_id` must stand for one action; got it before for another; use a new one"
    assert answer.json()["detail"] == sentence
    (attempt,) = world.sent()
    assert (attempt.actor, attempt.action, attempt.refused) == (who, body["action"], sentence)
    assert attempt.action_id != "ack-0001", "which has its row, and would hide this one"


@pytest.mark.parametrize("field", ["actor", "role", "scope", "acted_at", "alert_id"])
def test_who_acts_is_never_in_the_body(world: World, client: Client, field: str) -> None:
    world.say("a")

    answer = client.post("here", "/v1/alerts/a/actions?wait=0", ACK | {field: "somebody"})

    assert answer.status_code == 400
    assert field in answer.json()["detail"]
    assert not world.sent()


def test_what_a_role_may_never_do_is_refused_at_once(world: World, client: Client) -> None:
    world.say("a")

    answer = client.post("looker", "/v1/alerts/a/actions?wait=0", ACK)

    sentence = "role `viewer` must be allowed to ack; it may: nothing"
    assert (answer.status_code, answer.json()["detail"]) == (403, sentence)
    assert world.sent() == [
        AlertAction("ack-0001", "ack", "looker", "viewer", AT, HERE, "a", 1, "我来处理", refused=sentence),
    ]


def test_whether_a_role_may_ask_who_is_meant_is_for_the_desk_that_knows_whom_the_rule_names(
    world: World, client: Client
) -> None:
    world.say("a")
    asked = {"action": "reveal", "token": "k1:bcdfg", "why": "走访", "action_id": "ask-0001"}

    with world.desk():
        answer = client.post("here", "/v1/alerts/a/actions?wait=5", asked)

    assert answer.status_code == 200
    assert [(sent.action, sent.role, sent.refused) for sent in world.sent()] == [("reveal", "duty.county", "")]


def test_an_alert_of_another_county_cannot_be_told_from_none(world: World, client: Client) -> None:
    world.say("b", county=THERE)

    answers = [client.post("here", f"/v1/alerts/{name}/actions?wait=0", ACK) for name in ("b", "none")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    attempts = world.sent()
    assert [attempt.alert_id for attempt in attempts] == ["b", "none"]
    assert {attempt.refused for attempt in attempts} == {answers[0].json()["detail"]}


@pytest.mark.parametrize("doing", ["silence", "unsilence", "ask_visit", "dance"])
def test_only_what_is_done_with_an_alert_is_taken_here(world: World, client: Client, doing: str) -> None:
    world.say("a")

    assert client.post("head", "/v1/alerts/a/actions?wait=0", {"action": doing}).status_code == 400


def test_while_kafka_is_away_the_action_is_not_lost_in_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflows.api.sender.BROKER_SECONDS", 0.3)
    world.say("a")

    with world.client(kafka="127.0.0.1:1") as client:
        answer = client.post("here", "/v1/alerts/a/actions?wait=0", ACK)
        ready = client.get("", "/health/ready")

    assert (answer.status_code, answer.json()["action_id"]) == (503, "ack-0001")
    assert "try again with the same `action_id`" in answer.json()["detail"]
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["kafka"] == "must answer; got no answer"


def test_what_cannot_be_recorded_is_not_refused_either(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflows.api.sender.BROKER_SECONDS", 0.3)
    world.say("a")

    with world.client(kafka="127.0.0.1:1") as client:
        answers = [client.post("looker", f"/v1/alerts/{name}/actions?wait=0", ACK) for name in ("a", "none")]

    assert [answer.status_code for answer in answers] == [503, 503]


@pytest.mark.parametrize("field", ["action_id", "assigned_to", "token"])
def test_no_number_of_a_person_goes_out(world: World, client: Client, field: str) -> None:
    world.say("a")

    answer = client.post("here", "/v1/alerts/a/actions?wait=0", ACK | {field: "13812345678"})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"`{field}` must not hold what names a person; got a number like that")
    assert not world.sent()


@pytest.mark.parametrize("name", ["13812345678", "姓名张三丰", "x-13812345678"])
def test_nor_in_the_name_of_what_is_not_there(world: World, client: Client, name: str) -> None:
    client.post("here", f"/v1/alerts/{name}/actions?wait=0", ACK | {"of": name})

    (attempt,) = world.sent()
    assert attempt.refused
    assert name not in (attempt.alert_id, attempt.of)


def test_a_body_that_is_too_long_is_refused(world: World, client: Client) -> None:
    world.say("a")

    answer = client.post("here", "/v1/alerts/a/actions", {"action": "note", "why": "长" * 100_000})

    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
