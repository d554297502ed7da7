"""Every route, as the bearer of a county's token sees it: a route that forgets the scope fails here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler
from service import AT, HERE, THERE, Client, World

from alerts.model import Acted, AlertAction, Matchers, Region, Silencing
from dataflows.api.app import ROUTES
from dataflows.api.caller import Caller

pytestmark = pytest.mark.integration

SECRET, OURS = "their-secret", "our-own"
OPEN_TO_ALL = {"/health/live", "/health/ready", "/", "/board", "/board/assets/{name:str}"}
OF_NO_ALERT = {
    "/v1/me",
    "/v1/names",
    "/v1/day",
    "/v1/runbooks/{name:str}",
}  # they say who asks, what things are called, and how many there are
BODIES: dict[str, Any] = {
    "/v1/alerts/{alert_id:str}/actions": {"action": "note", "why": "x"},
    "/v1/silences": {"matchers": {"alert_id": SECRET}, "why": "x"},
    "/v1/matters/{matter:str}/merge": {"into": OURS, "why": "x"},
    "/v1/matters/{matter:str}/split": {"events": [f"{SECRET}-event"], "why": "x"},
}
ASKED = {  # what makes a route say as much as it can
    "/v1/alerts": "?state=open&state=closed&limit=500",
    "/v1/feed": "?limit=500",
    "/v1/stream": "?after=0",
}


def fill(world: World, name: str, county: str, seq: int) -> None:
    """One of everything, in one county; all of it holds its name."""
    world.say(name, county=county, key={"matter": name})
    world.say(f"{name}-closed", county=county, state="closed", key={"matter": name})
    world.report(f"{name}-event", name, county)
    world.redis.hset(f"people:{name}", mapping={"assigned_to": name})
    silence = Silencing(Matchers(region=county))
    begun = AlertAction(
        name, "silence", name, "duty.county", AT, county, why=name, until=AT + timedelta(days=1), silence=silence
    )
    acted = world.acted(begun, county)
    world.redis.hset("silences", name, msgspec.json.encode(acted))
    world.pool(Acted(seq, AT, begun, "done", county=county))


@pytest.fixture
def both(world: World, client: Client) -> Client:
    fill(world, SECRET, THERE, 1)
    fill(world, OURS, HERE, 2)
    client.service.nudges.is_closed = True  # who follows is told what stands, and let go
    return client


def walk(name: str = SECRET) -> list[tuple[str, str, str]]:
    """Method, path and template of every route, about one thing."""
    found = []
    for handler in ROUTES:
        assert isinstance(handler, HTTPRouteHandler)
        for template in handler.paths:
            parts = [name if part.startswith("{") else part for part in template.split("/")]
            found += [(method, "/".join(parts), template) for method in sorted(handler.http_methods)]
    return found


def asked(client: Client, who: str, method: str, path: str, template: str) -> Any:
    more = ASKED.get(template, "?wait=0" if method != "GET" else "")
    body = {"json": BODIES[template]} if method == "POST" else {}
    return client.ask(who, method, path + more, **body)


def test_nothing_of_another_county_is_answered(both: Client, world: World) -> None:
    for method, path, template in walk():
        answer = asked(both, "head-here", method, path, template)

        names_a_thing = "{" in template or method == "POST"
        assert SECRET not in answer.text, (method, path)
        assert answer.status_code == (404 if names_a_thing else 200), (method, path, answer.text)
    acts = [template for method, _, template in walk() if method != "GET"]
    assert [bool(attempt.refused) for attempt in world.sent()] == [True] * len(acts), "recorded, and never done"


def test_what_is_their_own_is_answered(both: Client) -> None:
    """So that the test above could fail."""
    for who, name in (("head-here", OURS), ("head", SECRET)):
        for method, path, template in walk(name):
            if method == "GET" and template not in OPEN_TO_ALL | OF_NO_ALERT:
                assert name in asked(both, who, method, path, template).text, path


def test_without_a_token_only_the_health_is_answered(client: Client) -> None:
    for method, path, template in walk():
        answer = asked(client, "", method, path, template)

        assert (answer.status_code != 401) == (template in OPEN_TO_ALL), (path, answer.text)


@pytest.mark.parametrize(
    ("region", "lies_in", "sees"),
    [
        ("", Region(), True),
        ("620102", Region(), False),
        ("620102", Region("620102"), True),
        ("620102", Region("620103", "620102001"), False),
        ("620102001", Region("620102"), False),
        ("620102001", Region("620102", "620102001"), True),
        ("620102001", Region("620102", "620102002", grid="620102002001001"), False),
        ("620102001003", Region("620102", "620102001", "620102001003"), True),
        ("620102001003", Region("620102", "620102001"), False),
    ],
)
def test_a_region_sees_what_lies_in_it(region: str, lies_in: Region, sees: bool) -> None:
    assert Caller("li", "viewer", region).sees(lies_in) == sees
