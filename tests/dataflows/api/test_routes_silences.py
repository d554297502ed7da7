"""Silences over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from service import AT, HERE, THERE, Client, World

from alerts.model import Acted, AlertAction, Matchers, Silencing

pytestmark = pytest.mark.integration

UNTIL = AT + timedelta(hours=2)


def begun(world: World, name: str, county: str = HERE, **changes: Any) -> AlertAction:
    """A silence that the desk has begun, as Redis shows it."""
    silence = changes.pop("silence", Silencing(Matchers(region=county)))
    values = {"acted_at": AT, "scope": county, "why": "抢修", "until": UNTIL, "silence": silence} | changes
    action = AlertAction(name, "silence", "li", "duty.county", **values)
    world.redis.hset("silences", name, msgspec.json.encode(Acted(1, AT, action, "done", county=county)))
    return action


def shown(client: Client, who: str) -> dict[str, str]:
    return {each["id"]: each["state"] for each in client.get(who, "/v1/silences").json()["silences"]}


def test_a_silence_goes_out_as_an_action_of_the_token(world: World, client: Client) -> None:
    world.say("a")
    body = {"matchers": {"alert_id": "a"}, "why": "抢修", "until": UNTIL.isoformat(), "on_close": True,
            "action_id": "silence-1"}  # fmt: skip

    with world.desk():
        answer = client.post("here", "/v1/silences?wait=10", body)

    assert answer.status_code == 200, answer.text
    assert world.sent() == [
        AlertAction(
            "silence-1", "silence", "here", "duty.county", AT, HERE, "a", why="抢修", until=UNTIL,
            silence=Silencing(Matchers("a"), on_close=True),
        )
    ]  # fmt: skip


def test_the_silences_that_are_not_over_are_listed(world: World, client: Client) -> None:
    begun(world, "now")
    begun(world, "later", silence=Silencing(Matchers(region=HERE), AT + timedelta(hours=1)))
    begun(world, "over", until=AT)
    begun(world, "as long as the role may", until=None)

    assert shown(client, "here") == {"later": "pending", "now": "active", "as long as the role may": "active"}
    found = {each["id"]: each for each in client.get("here", "/v1/silences").json()["silences"]}
    assert found["as long as the role may"]["until"] == (AT + timedelta(days=1)).isoformat().replace("+00:00", "Z")


def test_a_county_sees_what_is_quiet_in_it_and_by_it_alone(world: World, client: Client) -> None:
    begun(world, "here")
    begun(world, "there", THERE)
    begun(world, "city", "", silence=Silencing(Matchers(rule="gi.*")))
    begun(world, "of the city, in a street", "", silence=Silencing(Matchers(region=HERE + "001")))

    assert sorted(shown(client, "here")) == ["here", "of the city, in a street"]
    assert sorted(shown(client, "there")) == ["there"]
    assert len(shown(client, "city")) == 4


def test_a_silence_is_ended_by_its_id(world: World, client: Client) -> None:
    begun(world, "quiet-1", alert_id="a")

    answer = client.ask("here", "DELETE", "/v1/silences/quiet-1?wait=0&why=done&action_id=end-00001")

    assert answer.status_code == 202, answer.text
    assert world.sent() == [
        AlertAction("end-00001", "unsilence", "here", "duty.county", AT, HERE, "a", why="done", of="quiet-1")
    ]


def test_a_silence_of_another_county_cannot_be_told_from_none(world: World, client: Client) -> None:
    begun(world, "quiet-1", THERE)
    world.say("b", county=THERE)

    answers = [client.ask("here", "DELETE", f"/v1/silences/{name}?wait=0") for name in ("quiet-1", "none")]
    on_alert = client.post("here", "/v1/silences?wait=0", {"matchers": {"alert_id": "b"}, "why": "x"})

    assert [answer.status_code for answer in (*answers, on_alert)] == [404] * 3
    assert answers[0].json() == answers[1].json()
    attempts = world.sent()
    assert [(each.action, each.of or each.alert_id) for each in attempts] == [
        ("unsilence", "quiet-1"), ("unsilence", "none"), ("silence", "b"),
    ]  # fmt: skip
    assert all(each.refused for each in attempts)


def test_who_may_not_silence_is_told_so(world: World, client: Client) -> None:
    begun(world, "quiet-1")

    answer = client.post("looker", "/v1/silences?wait=0", {"matchers": {"region": HERE}, "why": "x"})

    assert answer.json()["detail"] == "role `viewer` must be allowed to silence; it may: nothing"
    assert client.ask("looker", "DELETE", "/v1/silences/quiet-1").status_code == 403


def test_an_action_id_that_names_a_person_is_refused(world: World, client: Client) -> None:
    body = {"matchers": {"region": HERE}, "why": "x", "action_id": "call-13812345678"}

    answer = client.post("here", "/v1/silences?wait=0", body)

    assert (answer.status_code, "13812345678" in answer.text) == (400, False)
    assert answer.json()["detail"] == (
        "`action_id` must not hold what names a person; got a number like that; use a random word"
    )


@pytest.mark.parametrize(
    "matchers", [{"rule": "13812345678"}, {"key": {"pair": "13812345678"}}, {"alert_id": "13812345678"}], ids=str
)
def test_no_number_of_a_person_goes_out_in_what_is_to_be_quiet(
    world: World, client: Client, matchers: dict[str, Any]
) -> None:
    answer = client.post("here", "/v1/silences?wait=0", {"matchers": matchers, "why": "x"})

    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "`matchers` must not hold what names a person; got a number like that; use the pseudonym that stands in the"
        " key of the alert"
    )
    assert not world.sent()
