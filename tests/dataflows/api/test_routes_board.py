"""What the board asks beside alerts, in front of real servers: names, the clock, the day, what led to an alert."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from service import AT, HERE, THERE, Client, World

from alerts.model import Event, Evidence, PooledEvent

pytestmark = pytest.mark.integration


def test_me_is_who_the_token_says_with_the_powers_of_the_role(client: Client) -> None:
    found = client.get("here", "/v1/me").json()

    assert (found["name"], found["role"], found["region"]) == ("here", "duty.county", HERE)
    assert "ack" in found["may"]
    assert "reveal" not in found["may"]
    assert (datetime.fromisoformat(found["now"]), found["speed"], found["more"]) == (AT, 1.0, [])
    assert client.get("looker", "/v1/me").json()["may"] == []


def test_names_are_those_of_the_files_and_of_the_callers_county(client: Client) -> None:
    found = client.get("here", "/v1/names").json()

    assert found["rules"]["rc.repeat-contact"]["title"]["zh"] == "同一人就同一事项重复反映"
    assert found["rules"]["dv.violence-progression"]["parts"]["lethal_cue"] == {
        "zh": "致命危险征兆",
        "en": "lethal cue",
    }
    assert found["regions"][HERE] == "城关区"
    assert THERE not in found["regions"]
    assert found["channels"]["hotline"]["zh"] == "12345"
    assert THERE in client.get("city", "/v1/names").json()["regions"]


def test_standing_says_since_when_an_alert_is_open_and_who_has_it(world: World, client: Client) -> None:
    world.say("mine", state="acked")
    world.say("theirs", county=THERE)
    world.redis.hset("people:mine", mapping={"ack_by": "li", "assigned_to": "unit-1"})

    found = client.get("here", "/v1/standing").json()["alerts"]

    assert set(found) == {"mine"}
    assert (found["mine"]["ack_by"], found["mine"]["assigned_to"]) == ("li", "unit-1")
    assert datetime.fromisoformat(found["mine"]["opened_at"]) == AT + timedelta(minutes=1)


def test_an_alert_counts_once_at_each_level_in_the_hour_in_which_it_reached_it(world: World, client: Client) -> None:
    first, later = AT - timedelta(hours=3), AT - timedelta(hours=1)
    world.say("a", 1, detected_at=first)
    world.say("a", 2, detected_at=first + timedelta(minutes=5), reason="evidence")
    world.say("a", 3, level="red", detected_at=later)
    world.say("old", 1, detected_at=AT - timedelta(days=3))
    world.say("old", 2, detected_at=later, reason="evidence")
    world.say("b", 1, county=THERE, detected_at=later)
    world.say("hidden", 1, detected_at=later, origin="shadow")

    def counts(who: str) -> list[tuple[str, str, str, int]]:
        found = client.get(who, "/v1/day?hours=24").json()
        return [(each["at"][11:13], each["county"], each["level"], each["alerts"]) for each in found["counts"]]

    assert counts("here") == [("22", HERE, "blue", 1), ("00", HERE, "red", 1)]
    assert counts("city") == [("22", HERE, "blue", 1), ("00", HERE, "red", 1), ("00", THERE, "blue", 1)]


def test_the_day_says_when_the_last_event_of_the_region_came_in(world: World, client: Client) -> None:
    assert client.get("here", "/v1/day").json()["last_event_at"] is None
    came = AT - timedelta(minutes=7)
    for number, county in enumerate((HERE, HERE, THERE)):
        event = Event(f"e{number}", "hotline", "received", AT - timedelta(hours=1 + 40 * number), region=f"{county}001")
        world.pool(PooledEvent(event, "m", came + timedelta(minutes=number)))

    found = client.get("here", "/v1/day").json()

    assert (found["events"], datetime.fromisoformat(found["last_event_at"])) == (1, came + timedelta(minutes=1))


def test_what_led_to_an_alert_is_its_revisions_and_the_matters_of_its_evidence(world: World, client: Client) -> None:
    for event_id, matter in (("e1", "m1"), ("e2", "m2"), ("e3", "m2")):
        world.report(event_id, matter)
    world.report("e4", "m3", county=THERE)
    evidence = tuple(Evidence(f"e{number}", "hotline", AT) for number in range(1, 5))
    world.say("a", 1, evidence=evidence)
    world.say("a", 2, evidence=evidence)

    found = client.get("here", "/v1/alerts/a/past").json()

    assert [each["revision"] for each in found["revisions"]] == [1, 2]
    assert found["matters"] == [{"matter": "m2", "events": 2}, {"matter": "m1", "events": 1}]
    assert client.get("there", "/v1/alerts/a/past").status_code == 404


def test_what_the_pool_does_not_have_yet_is_left_out(world: World, client: Client) -> None:
    world.say("a", in_pool=False)

    answer = client.get("here", "/v1/alerts/a/past")

    assert (answer.status_code, answer.json()) == (200, {"revisions": [], "matters": []})


def test_a_rule_leads_to_its_runbook(client: Client) -> None:
    rule = client.get("here", "/v1/names").json()["rules"]["dv.violence-progression"]

    found = client.get("here", f"/v1/runbooks/{rule['runbook'].removeprefix('rb/')}").json()

    assert found["text"].startswith("# 家庭纠纷向暴力升级")
    for name in ("none", "..%2Fapi", "oncall"):
        assert client.get("here", f"/v1/runbooks/{name}").status_code == 404, name


def test_nobody_asks_without_a_token(client: Client) -> None:
    for path in ("/v1/me", "/v1/names", "/v1/standing", "/v1/day", "/v1/alerts/a/past", "/v1/runbooks/sla"):
        assert client.get("", path).status_code == 401, path


def test_hours_are_at_most_a_week(client: Client) -> None:
    assert client.get("here", "/v1/day?hours=169").status_code == 400
