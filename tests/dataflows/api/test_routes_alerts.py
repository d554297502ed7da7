"""Alerts over HTTP: lists, one, its revisions, the life of a matter."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import msgspec
import pytest
from service import AT, HERE, THERE, Client, World, ids

from connectors.embedded import Valkey

pytestmark = pytest.mark.integration


def test_what_is_open_comes_from_the_live_feed_the_highest_level_first(world: World, client: Client) -> None:
    world.say("a")
    world.say("b", level="red")
    world.say("c", state="closed")
    world.say("d", state="acked")

    assert ids(client.get("here", "/v1/alerts")) == ["b", "d", "a"]
    assert ids(client.get("here", "/v1/alerts?state=acked")) == ["d"]
    assert ids(client.get("here", "/v1/alerts?level=red&level=yellow")) == ["b"]
    assert ids(client.get("here", "/v1/alerts?rule=other")) == []
    assert ids(client.get("here", "/v1/alerts?rule=rc.repeat-contact")) == ["b", "d", "a"]


def test_what_has_ended_comes_from_the_pool_the_latest_first(world: World, client: Client) -> None:
    world.say("a", state="closed")
    world.say("b")
    world.say("b", 2, state="retracted")
    world.say("c")

    assert ids(client.get("here", "/v1/alerts?state=closed")) == ["a"]
    assert ids(client.get("here", "/v1/alerts?state=closed&state=retracted&state=open")) == ["c", "b", "a"]


@pytest.mark.parametrize("states", ["", "state=open&state=closed&"], ids=["open", "past"])
def test_pages_give_every_alert_once(world: World, client: Client, states: str) -> None:
    for number in range(7):
        world.say(f"a{number}", level="red" if number % 3 else "blue", detected_at=AT)  # ties in the order

    found, cursor = [], ""
    for _ in range(4):
        page = client.get("here", f"/v1/alerts?{states}limit=2&cursor={cursor}")
        found += ids(page)
        cursor = page.json()["next"]

    assert sorted(found) == [f"a{number}" for number in range(7)]
    assert cursor is None
    if not states:
        assert found[5:] in (["a3", "a0"], ["a6", "a3"], ["a6", "a0"], ["a3"], ["a0"])


def test_a_cursor_of_another_list_is_refused_with_a_sentence(world: World, client: Client) -> None:
    for name in "ab":
        world.say(name)
    cursor = client.get("here", "/v1/alerts?limit=1").json()["next"]

    answer = client.get("here", f"/v1/alerts?state=closed&cursor={cursor}")

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == (
        "`cursor` must be of a page with the same `state`; got one of another; begin without one"
    )
    broken = client.get("here", "/v1/alerts?cursor=x")
    assert broken.json()["detail"] == "`cursor` must be the `next` of a page before; got another; begin without one"


def test_one_alert_comes_with_what_people_did(world: World, client: Client) -> None:
    world.say("a", 1)
    world.say("a", 2, state="acked")
    note = {"at": AT.isoformat(), "actor": "li", "role": "duty.county", "why": "已联系"}
    until = AT + timedelta(hours=1)
    world.redis.hset(
        "people:a",
        mapping={"ack_by": "li", "ack_until": until.isoformat(), "assigned_to": "", "notes": json.dumps([note])},
    )

    found = client.get("here", "/v1/alerts/a").json()

    assert found["alert"]["revision"] == 2
    assert found["people"]["notes"][0]["why"] == "已联系"
    assert (found["people"]["ack_by"], found["people"]["assigned_to"]) == ("li", None)
    world.say("a", 3)
    assert client.get("here", "/v1/alerts/a").json()["people"]["ack_by"] is None, "the ack has ended"


def test_notices_that_wait_for_an_answer_come_while_the_alert_is_open(world: World, client: Client) -> None:
    world.say("a", 1)
    notice = {"id": "n-1", "to": "街道", "due": AT.isoformat(), "by": "head", "at": AT.isoformat()}
    world.redis.hset("people:a", "notices", json.dumps([notice]))

    (found,) = client.get("here", "/v1/alerts/a").json()["people"]["notices"]

    assert (found["id"], found["to"], found["by"]) == ("n-1", "街道", "head")
    assert msgspec.convert(found["due"], datetime) == AT
    world.say("a", 2, state="acked")
    assert client.get("here", "/v1/alerts/a").json()["people"]["notices"]
    world.say("a", 3, state="closed", reason="quiet")
    assert client.get("here", "/v1/alerts/a").json()["people"]["notices"] == []
    world.say("a", 4, reason="reopened")
    assert client.get("here", "/v1/alerts/a").json()["people"]["notices"] == []
    later = notice | {"id": "n-2", "at": (AT + timedelta(hours=1)).isoformat()}
    world.redis.hset("people:a", "notices", json.dumps([notice, later]))
    assert [each["id"] for each in client.get("here", "/v1/alerts/a").json()["people"]["notices"]] == ["n-2"]
    world.redis.hset("people:a", "notices", "")
    assert client.get("here", "/v1/alerts/a").json()["people"]["notices"] == []


def test_an_alert_that_redis_has_forgotten_comes_from_the_pool(world: World, client: Client) -> None:
    world.say("a", 1)
    world.say("a", 2, state="closed")
    world.redis.flushall()

    assert client.get("here", "/v1/alerts/a").json()["alert"]["state"] == "closed"


def test_revisions_come_in_order_and_as_they_were_published(world: World, client: Client) -> None:
    said = [world.say("a", number, count=number) for number in (1, 2, 3)]

    found = client.get("here", "/v1/alerts/a/revisions").json()["revisions"]

    assert [each["revision"] for each in found] == [1, 2, 3]
    assert [each["content_hash"] for each in found] == [each.content_hash for each in said]


def test_a_county_sees_of_an_alert_that_came_from_elsewhere_only_what_is_its_own(world: World, client: Client) -> None:
    world.say("a", 1, county=THERE)
    world.say("a", 2, county=HERE, left=THERE)

    assert [r["revision"] for r in client.get("here", "/v1/alerts/a/revisions").json()["revisions"]] == [2]
    assert [r["revision"] for r in client.get("city", "/v1/alerts/a/revisions").json()["revisions"]] == [1, 2]
    assert client.get("there", "/v1/alerts/a").status_code == 404
    assert ids(client.get("there", "/v1/alerts?state=open&state=closed")) == []


def test_a_timeline_has_what_happened_in_the_callers_region_and_nobodys_words(world: World, client: Client) -> None:
    world.report("e1", "m", HERE, text="他说要杀了我")
    world.report("e2", "m", THERE)
    world.report("e3", "other", THERE)

    found = client.get("here", "/v1/matters/m/timeline")

    assert [step["event_id"] for step in found.json()["steps"]] == ["e1"]
    assert found.json()["steps"][0]["reason"] == "first"
    assert "杀" not in found.text
    assert len(client.get("city", "/v1/matters/m/timeline").json()["steps"]) == 2
    assert client.get("here", "/v1/matters/other/timeline").status_code == 404


def test_a_city_may_ask_for_one_county_and_a_county_only_for_itself(world: World, client: Client) -> None:
    world.say("a")
    world.say("b", county=THERE)
    world.say("c", county="")

    assert sorted(ids(client.get("city", "/v1/alerts"))) == ["a", "b", "c"]
    assert ids(client.get("city", f"/v1/alerts?county={THERE}")) == ["b"]
    assert ids(client.get("here", f"/v1/alerts?county={HERE}")) == ["a"]
    assert ids(client.get("here", f"/v1/alerts?county={THERE}")) == []


def test_a_shadow_rule_tells_nobody(world: World, client: Client) -> None:
    world.say("a", origin="shadow", state="closed")

    assert client.get("city", "/v1/alerts/a").status_code == 404
    assert ids(client.get("city", "/v1/alerts?state=closed")) == []


def test_while_redis_is_away_the_answer_says_so_and_when_to_come_again(world: World, valkey: Valkey) -> None:
    with world.client(redis="redis://127.0.0.1:1/0") as client:
        answer = client.get("here", "/v1/alerts")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"] == "redis must answer; got `ConnectionError`; try again"
