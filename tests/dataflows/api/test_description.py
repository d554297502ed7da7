"""The service does what its description says: whatever is sent, the answer is one of those described."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import Served
from service import AT, HERE, Client, World

from alerts.model import Acted, AlertAction, Matchers, Silencing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, ignored_auth,
]  # fmt: skip
KNOWN = {"alert_id": "a", "matter": "m", "action_id": "known-action", "silence_id": "known-silence", "name": "sla"}


def test_every_answer_is_one_that_is_described(world: World) -> None:
    world.say("a")
    world.report("e1", "m")
    world.acted(AlertAction("known-action", "ack", "head-here", "supervisor", AT, HERE, "a", 1))
    silence = AlertAction("known-silence", "silence", "li", "duty.county", AT, HERE, silence=Silencing(Matchers("a")))
    world.redis.hset("silences", "known-silence", msgspec.json.encode(Acted(1, AT, silence, "done", county=HERE)))
    asked = {"Authorization": f"Bearer {world.shown['head-here']}"}

    with Served(world) as served:
        schema = schemathesis.openapi.from_url(f"{served.address}/openapi.json")
        for found in schema.exclude(path="/v1/stream").get_all_operations():
            operation = found.ok()
            names = {parameter.name for parameter in operation.iter_parameters()}
            _sends(operation.as_strategy(), CHECKS, asked, {"wait": 0} if "wait" in names else {})
            if names or operation.body:
                wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
                _sends(wrong, [*CHECKS, negative_data_rejection], asked, {})


def _sends(cases: Any, checks: list[Any], headers: dict[str, str], query: dict[str, Any]) -> None:
    """Each case as it was made, and once more about what is there."""

    @settings(max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(cases)
    def holds(case: schemathesis.Case) -> None:
        case.query = {**(case.query or {}), **query}
        case.call_and_validate(headers=headers, checks=checks)
        if case.path_parameters:
            case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
            case.call_and_validate(headers=headers, checks=CHECKS)

    holds()


def test_the_description_names_every_route_and_who_may_ask(client: Client) -> None:
    found = client.get("", "/openapi.json").json()

    assert set(found["paths"]) == {
        "/health/live", "/health/ready", "/v1/actions/{action_id}", "/v1/alerts", "/v1/alerts/{alert_id}",
        "/v1/alerts/{alert_id}/actions", "/v1/alerts/{alert_id}/past", "/v1/alerts/{alert_id}/revisions", "/v1/audit",
        "/v1/day", "/v1/feed", "/v1/matters/{matter}/merge", "/v1/matters/{matter}/split", "/v1/me", "/v1/names",
        "/v1/matters/{matter}/timeline", "/v1/silences", "/v1/silences/{silence_id}", "/v1/snapshot", "/v1/standing",
        "/v1/runbooks/{name}", "/v1/stream",
    }  # fmt: skip
    assert found["security"] == [{"token": []}]
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, methods in found["paths"].items():
        for method, described in methods.items():
            assert described.get("description"), (method, path)
            assert path.startswith("/health") or "401" in described["responses"]
