"""The audit over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from service import AT, HERE, THERE, Client, World

from alerts.model import Acted, AlertAction

pytestmark = pytest.mark.integration


def row(seq: int, county: str, **changes: Any) -> Acted:
    action = AlertAction(f"a{seq}", "note", "li", "duty.county", AT, county, "x", why="w")
    return Acted(seq, AT, action, "done", county=county, hash=f"h{seq}", **changes)


def seqs(client: Client, who: str, more: str = "") -> list[int]:
    return [each["seq"] for each in client.get(who, f"/v1/audit{more}").json()["rows"]]


def test_a_supervisor_reads_the_rows_of_their_part_in_order(world: World, client: Client) -> None:
    world.pool(row(1, HERE), row(2, THERE), row(3, ""), row(4, HERE))

    assert seqs(client, "head") == [1, 2, 3, 4]
    assert seqs(client, "head-here") == [1, 4]
    page = client.get("head", "/v1/audit?limit=2&after=1").json()
    assert ([each["seq"] for each in page["rows"]], page["next"]) == ([2, 3], 3)
    assert seqs(client, "head", f"?after={page['next']}") == [4]


def test_a_row_is_as_it_was_written(world: World, client: Client) -> None:
    written = row(1, HERE, sentence="", revision=3, rule="rc.repeat-contact", prev_hash="h0")
    world.pool(written)

    found = client.get("head", "/v1/audit").json()["rows"][0]

    assert (found["hash"], found["prev_hash"], found["revision"]) == ("h1", "h0", 3)
    assert found["action"]["why"] == "w"


def test_the_audit_is_for_those_who_supervise(client: Client) -> None:
    answer = client.get("here", "/v1/audit")

    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("role `duty.county` must be allowed to supervise; it may: ack, ")
