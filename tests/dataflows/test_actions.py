"""People act on a running flow: over Kafka in, to Redis, the feeds and the audit out, through a kill."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import redis
from family_reports import family_reports, replayed
from live_flow import LiveFlow, in_topic, wait_until

from alerts.model import Acted, AlertAction, Matchers, Revision, Silencing
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_faults, audit_rows
from connectors.kafka import ACTIONS, RawProducer, raw_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def send(bootstrap: str, *actions: AlertAction | bytes) -> None:
    with RawProducer(bootstrap) as producer:
        for action in actions:
            producer.send(ACTIONS, action if isinstance(action, bytes) else msgspec.json.encode(action))
        producer.flush()


def action(name: str, action_id: str, revision: Revision | None = None, **fields: Any) -> AlertAction:
    known: dict[str, Any] = {"role": "supervisor", "actor": "li", "acted_at": datetime.now(UTC), **fields}
    return AlertAction(action_id, name, alert_id=revision.alert_id if revision else "", **known)  # type: ignore[arg-type]


def verdict(client: redis.Redis, action_id: str) -> Acted | None:
    found: Any = client.get(f"acted:{action_id}")
    return msgspec.json.decode(found, type=Acted) if found else None


def test_what_people_do_reaches_every_reader_and_outlives_a_kill(live_flow: LiveFlow) -> None:
    bootstrap = live_flow.broker.bootstrap
    client = redis.Redis.from_url(live_flow.valkey.url)
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    with RawProducer(bootstrap) as producer:
        for event in family_reports(1, 200):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()
    wait_until(lambda: len({r.alert_id for r in in_topic(bootstrap)}) > 5, "alerts must open")
    first, second, third = list({r.alert_id: r for r in in_topic(bootstrap) if r.state == "open"}.values())[:3]
    reports = {
        "ack": action("ack", "ack", first),
        "again": action("ack", "ack", first),
        "note": action("note", "note", first, why="called 13812345678, no answer"),
        "close": action("close", "close", second, disposition="benign", why="seen"),
        "stranger": action("ack", "stranger", third, scope="620199"),
        "silence": action("silence", "quiet", silence=Silencing(Matchers(rule="rc.*")), why="drill"),
    }

    send(bootstrap, *reports.values(), b'{"action_id": "x"}')
    wait_until(lambda: client.get("acted:quiet") is not None, "the last action must be judged")
    live_flow.stop(signal.SIGKILL)
    live_flow.start()
    send(bootstrap, action("unsilence", "loud", of="quiet"), reports["close"])
    wait_until(lambda: client.get("acted:loud") is not None, "an action must be judged after a kill")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]

    acked, refused = verdict(client, "ack"), verdict(client, "stranger")
    assert acked is not None
    assert refused is not None
    assert acked.verdict == "done"
    assert "alert must lie in the region of who acts" in refused.sentence
    people = {name.decode(): value.decode() for name, value in client.hgetall(f"people:{first.alert_id}").items()}
    assert people["ack_by"] == "li"
    assert [note["why"] for note in msgspec.json.decode(people["notes"])] == ["called [手机], no answer"]
    assert client.hgetall("silences") == {}
    assert client.hget(f"alert:{second.alert_id}", "state") == b"closed"
    topic = in_topic(bootstrap)
    assert {(r.alert_id, r.reason) for r in topic} >= {
        (first.alert_id, "acked"),
        (second.alert_id, "resolved_by_user"),
    }
    assert {(r.alert_id, r.revision): r.content_hash for r in topic} == replayed(bootstrap)
    with Pool(live_flow.dsn) as pool:
        rows = list(audit_rows(pool))
        assert [row.action.action_id for row in rows] == ["ack", "note", "close", "stranger", "quiet", "loud"]
        assert audit_faults(pool) == (6, [])
        assert pool.rows(
            "SELECT reason, sentence FROM dead_letters FINAL WHERE source LIKE 'kafka:alert-actions%'"
        ) == [
            {
                "reason": "bad_value",
                "sentence": "action must be an `alert-action/1`; got Object missing required field `action`",
            }
        ]
        pool.rows(
            "INSERT INTO alert_actions SELECT * REPLACE ('somebody' AS actor) FROM alert_actions FINAL WHERE seq = 3"
        )
        assert audit_faults(pool)[1] == ["column `actor` of row 3 must say what its record says; it does not"]


def test_what_people_did_while_redis_was_away_is_delivered_by_the_life_that_follows_a_kill(live_flow: LiveFlow) -> None:
    client = redis.Redis.from_url(live_flow.valkey.url)
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    live_flow.valkey.kill()
    send(live_flow.broker.bootstrap, action("silence", "quiet", silence=Silencing(Matchers(rule="rc.*")), why="drill"))
    spool = live_flow.folder / "state" / "spool" / "redis-people.journal"
    wait_until(spool.exists, "what was judged must be saved")
    live_flow.stop(signal.SIGKILL)
    live_flow.valkey.start()
    client.set("alerts:epoch", 2)  # as where an alert of a later life is there first
    live_flow.start()

    wait_until(lambda: client.get("acted:quiet") is not None, "what was judged must be told")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
