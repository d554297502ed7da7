"""The caller's feed by place, and what is open together with its place."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service import HERE, THERE, Client, World, ids

pytestmark = pytest.mark.integration


def places(client: Client, who: str, more: str = "") -> list[int]:
    answer = client.get(who, f"/v1/feed{more}")
    assert answer.status_code == 200, answer.text
    return [entry["place"] for entry in answer.json()["entries"]]


def test_places_count_in_the_feed_of_the_caller(world: World, client: Client) -> None:
    for number, county in enumerate([HERE, THERE, HERE, ""]):
        world.say(f"a{number}", county=county)

    assert places(client, "here") == [1, 2]
    assert places(client, "there") == [1]
    assert places(client, "city") == [1, 2, 3, 4]
    assert places(client, "here", "?after=1") == [2]
    page = client.get("city", "/v1/feed?after=1&limit=2").json()
    assert ([entry["place"] for entry in page["entries"]], page["next"], page["end"]) == ([2, 3], 3, 4)
    assert page["entries"][0]["revision"]["alert_id"] == "a1"


def test_the_end_of_a_feed_is_an_empty_page_that_goes_on_from_there(world: World, client: Client) -> None:
    world.say("a")

    page = client.get("here", "/v1/feed?after=1").json()

    assert (page["entries"], page["next"], page["end"]) == ([], 1, 1)


def test_an_alert_that_moves_is_told_to_its_old_feed_without_what_it_says_now(world: World, client: Client) -> None:
    world.say("a", 1, county=HERE)
    world.say("a", 2, county=THERE, left=HERE, key={"matter": "secret"})

    found = client.get("here", "/v1/feed?after=1")

    assert found.json()["entries"] == [{"place": 2, "revision": None, "left": {"alert_id": "a", "revision": 2}}]
    assert "secret" not in found.text
    assert client.get("there", "/v1/feed").json()["entries"][0]["revision"]["revision"] == 2
    assert client.get("here", "/v1/alerts/a").status_code == 404
    assert ids(client.get("here", "/v1/alerts")) == []


def test_a_street_reads_the_places_of_its_county_that_are_its_own(world: World, client: Client) -> None:
    other = world.say("a").region
    assert other.township == HERE + "001"
    world.say("b", region=type(other)(HERE, HERE + "002"))
    world.say("c")

    assert places(client, "street") == [1, 3]
    assert ids(client.get("street", "/v1/alerts")) == ["c", "a"]


def test_places_that_the_feed_has_forgotten_or_does_not_know_yet_are_gone(world: World, client: Client) -> None:
    last = [world.say("a", number) for number in range(1, 6)][-1]
    world.redis.xtrim(f"alerts:{HERE}", maxlen=2, approximate=False)

    answers = [client.get("here", f"/v1/feed?after={after}") for after in (0, 2, 3, 5, 6)]

    assert [answer.status_code for answer in answers] == [410, 410, 200, 200, 410]
    assert answers[1].json()["detail"] == ("place must be in the feed, which begins at 4; got 2; begin with a snapshot")
    assert answers[4].json()["detail"] == (
        f"place must be in the feed, which ends at {last.feed_seq}; got 6; begin with a snapshot"
    )


def test_a_snapshot_and_the_feed_behind_its_place_are_all_there_is(world: World, client: Client) -> None:
    world.say("a")
    world.say("b")
    world.say("b", 2, state="closed")
    snapshot = client.get("here", "/v1/snapshot")
    world.say("c")

    behind = client.get("here", f"/v1/feed?after={snapshot.json()['place']}").json()["entries"]

    assert (ids(snapshot), snapshot.json()["place"]) == (["a"], 3)
    assert [entry["revision"]["alert_id"] for entry in behind] == ["c"]


def test_every_place_is_found_however_the_entries_lie_in_time(world: World, client: Client) -> None:
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 1000, 10**8]), min_size=1, max_size=40))
    def holds(gaps: list[int]) -> None:
        stream = f"alerts:{HERE}"
        body = world.redis.xrange(f"alerts:{HERE}:model")[0][1]["json"]
        world.redis.delete(stream)
        at, same = 10**12, 0
        for place, gap in enumerate(gaps, 1):
            at, same = at + gap, 0 if gap else same + 1
            world.redis.xadd(stream, {"feed_seq": place, "json": body}, id=f"{at}-{same + 1}")
        for after in range(len(gaps) + 1):
            assert places(client, "here", f"?after={after}&limit=500") == list(range(after + 1, len(gaps) + 1))

    world.say("a")
    world.redis.rename(f"alerts:{HERE}", f"alerts:{HERE}:model")
    holds()
