"""Matters are merged and split in a running flow, through a kill: in the feeds, in the pool and in the audit."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
import redis
from acting import act, action
from family_reports import replayed
from live_flow import LiveFlow, in_topic, send, wait_until

from alerts.model import Acted, Doing, Event, Revision
from alerts.rejoining import split_matter
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_faults

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RULE = "mm.many-on-one-matter"


def report(matter: str, number: int) -> Event:
    return Event(
        id=f"{matter}-{number}", channel="hotline", action="received", matter=matter, category="service",
        subcategory="water", region="620102001", reporter=f"k1:{'abcdefghijklmnop'[number] * 20}",
        occurred_at=datetime.now(UTC) - timedelta(minutes=30 - number),
    )  # fmt: skip


def judged(flow: LiveFlow, doing: Doing, action_id: str, **fields: Any) -> Acted:
    """A supervisor of the county acts, and the verdict comes back."""
    act(flow, action(action_id, doing, scope="620102", why="so", **fields))
    with redis.Redis.from_url(flow.valkey.url) as client:
        return msgspec.json.decode(cast(bytes, client.get(f"acted:{action_id}")), type=Acted)


def last(flow: LiveFlow) -> dict[str, Revision]:
    """The last revision for each matter."""
    return {r.key["matter"]: r for r in in_topic(flow.broker.bootstrap) if r.rule == RULE}


def matters(flow: LiveFlow) -> dict[str, str]:
    with Pool(flow.dsn) as pool:
        return {row["id"]: row["matter"] for row in pool.rows("SELECT id, matter FROM events FINAL")}


def test_a_merge_and_a_split_reach_every_reader_and_are_the_same_after_a_kill(live_flow: LiveFlow) -> None:
    bootstrap = live_flow.broker.bootstrap
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    send(bootstrap, [report("a" if number < 6 else "b", number) for number in range(9)])
    wait_until(lambda: "a" in last(live_flow), "the alert of the first matter must open")

    merged = judged(live_flow, "merge", "merge-1", matter="a", into="b")
    live_flow.stop(signal.SIGKILL)  # the pool has what was done; the flow does it again
    live_flow.start()
    send(bootstrap, [report("a", 9)])
    wait_until(lambda: last(live_flow)["b"].distinct == 10, "what is reported to either must be the one's")
    made = judged(live_flow, "split", "split-1", matter="b", events=tuple(f"a-{number}" for number in range(5)))
    refused = judged(live_flow, "split", "split-2", matter="b", events=("a-0",))
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]

    found = last(live_flow)
    new = split_matter("split-1")
    assert (merged.verdict, merged.county, made.action.into) == ("done", "620102", new)
    assert refused.sentence == "`events` must name events of the matter `b`; got `a-0`, which is of another"
    assert (found["a"].state, found["a"].links[0].type, found["a"].links[0].alert_id) == (
        "merged", "merged_into", found["b"].alert_id,
    )  # fmt: skip
    assert (found["b"].state, found["b"].distinct) == ("open", 5)
    assert (found[new].state, found[new].distinct) == ("open", 5)
    assert [(link.type, link.alert_id) for link in found[new].links] == [("split_from", found["b"].alert_id)]
    topic = in_topic(bootstrap)
    assert {(r.alert_id, r.revision): r.content_hash for r in topic} == replayed(bootstrap)
    wanted = {f"a-{number}": new for number in range(5)} | dict.fromkeys(("a-5", "a-9", "b-6", "b-7", "b-8"), "b")
    assert matters(live_flow) == wanted
    with Pool(live_flow.dsn) as pool:
        assert audit_faults(pool) == (3, [])
        links = pool.rows("SELECT reason, previous FROM matter_links FINAL WHERE event_id = 'a-0' ORDER BY decided_at")
        assert [(row["reason"], row["previous"]) for row in links] == [("given", ""), ("merged", "a"), ("split", "b")]
