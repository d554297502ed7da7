"""With the flow itself: what is asked of the service is decided at the desk, and the verdict comes back."""

from __future__ import annotations

from pathlib import Path

import httpx
import msgspec
import pytest
from live_flow import LiveFlow, wait_until
from served import Served
from service import HERE, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def test_an_action_goes_through_the_log_to_the_desk_and_back(
    live_flow: LiveFlow, tmp_path: Path, pool_dsn: str
) -> None:
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must be up")
    world = World(tmp_path, live_flow.valkey.url, pool_dsn, live_flow.broker.bootstrap)
    asked = {"authorization": f"Bearer {world.shown['here']}"}
    as_looker = {"authorization": f"Bearer {world.shown['looker']}"}
    attempt = {"matchers": {"region": HERE}, "why": "x", "action_id": "denied-000001"}

    with Served(world) as served, httpx.Client(base_url=served.address, headers=asked, timeout=30) as client:
        body = {"matchers": {"region": HERE}, "why": "打 13812345678", "action_id": "quiet-000001"}
        done = client.post("/v1/silences?wait=10", json=body)
        again = client.post("/v1/silences?wait=10", json=body)
        listed = client.get("/v1/silences").json()["silences"]
        refused = client.post("/v1/silences?wait=10", json={"matchers": {"rule": "gi.*"}, "why": "x"})
        ended = client.delete("/v1/silences/quiet-000001?wait=10")
        after = client.get("/v1/silences").json()["silences"]
        denied = client.post("/v1/silences", json=attempt, headers=as_looker)
        wait_until(lambda: client.get("/v1/actions/denied-000001", headers=as_looker).is_success, "it must be recorded")
        recorded = client.get("/v1/actions/denied-000001", headers=as_looker).json()
    in_audit = [msgspec.json.decode(fields["json"]) for _, fields in world.redis.xrange(f"actions:{HERE}")]
    world.close()

    assert (done.status_code, done.json()["verdict"]) == (200, "done"), done.text
    assert "13812345678" not in done.text
    assert again.json() == done.json()
    assert [(each["id"], each["state"]) for each in listed] == [("quiet-000001", "active")]
    assert (refused.status_code, refused.json()["detail"]) == (
        409, f"silence must name an alert or a region inside that of who acts, `{HERE}`",
    )  # fmt: skip
    assert (ended.json()["action"]["of"], after) == ("quiet-000001", [])
    assert denied.status_code == 403
    assert (recorded["verdict"], recorded["sentence"]) == ("refused", denied.json()["detail"])
    assert [(each["action"]["actor"], each["verdict"]) for each in in_audit] == [
        ("here", "done"), ("here", "refused"), ("here", "done"), ("looker", "refused"),
    ]  # fmt: skip
