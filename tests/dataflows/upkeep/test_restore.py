"""A store is wiped: it is made again and equals what it was, and no reader hears a thing twice."""

from __future__ import annotations

import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import redis
from acting import act, action
from click.testing import CliRunner, Result
from family_reports import family_reports, replayed, settled
from live_flow import LiveFlow, in_topic, logged_events, send, wait_until
from stores import expires, pool_holds, redis_holds
from subscribing import RevisionReader, revision_reader

from alerts.model import Matchers, Receipt, Silencing
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_faults
from connectors.kafka import DEAD_LETTERS, RECEIPTS, RawProducer, raw_topic
from dataflows.cli import main

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def test_whatever_is_wiped_comes_back_as_it_was_and_says_nothing_twice(live_flow: LiveFlow) -> None:
    """One life of an installation, and a wiped store after the other."""
    reader = revision_reader(live_flow.valkey.url)
    run_for_a_while(live_flow, reader)
    feeds, kept, pool = redis_holds(live_flow.valkey.url), expires(live_flow.valkey.url), pool_holds(live_flow.dsn)
    known = {alert_id: each.revision for alert_id, each in reader.alerts().items()}
    digests = run(live_flow, "digest", "--days", "2", "--json").output
    assert {"people", "silences"} <= {name.partition(":")[0] for name in feeds}
    assert all(pool[table] for table in ("dead_letters", "deliveries", "alert_actions", "matter_links"))

    assert "redis must be empty before it is written again" in refused(live_flow, "redis")
    redis.Redis.from_url(live_flow.valkey.url).flushall()
    said = restored(live_flow, "redis")
    assert "does not come back: the places of consumer groups" in said
    assert redis_holds(live_flow.valkey.url) == feeds
    assert expires(live_flow.valkey.url) == kept
    assert reader.read() == []
    assert {alert_id: each.revision for alert_id, each in reader.alerts().items()} == known

    assert restored(live_flow, "redis", "--overwrite").startswith("remove ")
    assert redis_holds(live_flow.valkey.url) == feeds

    assert "the pool must be empty before it is made again; got 120 events" in refused(live_flow, "pool")
    shutil.rmtree(Path(live_flow.dsn.removeprefix("chdb://")))
    said = restored(live_flow, "pool")
    assert "does not come back: what people decided about dead letters" in said
    assert differing(pool_holds(live_flow.dsn), pool) == ["dead_letter_marks"]
    assert run(live_flow, "digest", "--days", "2", "--json").output == digests
    with Pool(live_flow.dsn) as found:
        assert audit_faults(found) == (len(pool["alert_actions"]), [])
        assert found.recount_check() == []

    assert "a state that is whole must not be set aside by mistake" in refused(live_flow, "state")
    assert "the state is in " in restored(live_flow, "state", "--overwrite")
    assert len(list((live_flow.folder / "state" / "set-aside").glob("*/snapshots"))) == 1
    again_from_the_log(live_flow, reader)

    deep = b'{"members":' * 5_000
    with RawProducer(live_flow.broker.bootstrap) as producer:
        for topic in (RECEIPTS, DEAD_LETTERS):
            producer.send(topic, deep)
    restored(live_flow, "pool", "--overwrite")


def run_for_a_while(live_flow: LiveFlow, reader: RevisionReader) -> None:
    """Reports, what people do about them, a dead letter that somebody looked at, and a receipt."""
    bootstrap = live_flow.broker.bootstrap
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    send(bootstrap, family_reports(1, 120))
    with RawProducer(bootstrap) as producer:
        producer.send(raw_topic("hotline"), b'{"id": "broken"}')
    wait_until(lambda: logged_events(bootstrap) >= 120, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    assert "got a folder that another one runs on" in run(live_flow, "restore", "redis", "--overwrite").output
    mine, other = [each.alert_id for each in reader.alerts().values() if each.state == "open"][:2]
    until = datetime.now(UTC) + timedelta(hours=2)
    muting = Silencing(Matchers(rule="gi.group-incident"))
    act(
        live_flow,
        action("a1", "ack", mine, why="on my way"),
        action("a2", "note", mine, why="spoke to both"),
        action("a3", "assign", other, assigned_to="wang"),
        action("a4", "close", mine, why="settled", disposition="true_positive"),
        action("a5", "silence", why="a fair", until=until, silence=muting),
        action("a6", "ack", "no such alert"),
    )
    receipt = Receipt(mine, 1, "duty", "sms", "delivered", datetime.now(UTC))
    with RawProducer(bootstrap) as producer:
        producer.send(RECEIPTS, msgspec.json.encode(receipt))
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    reader.read()
    with Pool(live_flow.dsn) as pool:
        letter, *_ = pool.dead_letters()
        pool.mark_dead_letters([letter.id], "given_up", "nobody knows", datetime.now(UTC))


def again_from_the_log(live_flow: LiveFlow, reader: RevisionReader) -> None:
    """The flow starts without a state, goes on, and says nothing that was said."""
    bootstrap = live_flow.broker.bootstrap
    before = in_topic(bootstrap)
    live_flow.start()
    wait_until(lambda: "rebuild_done" in live_flow.said(), "the state must be rebuilt")
    send(bootstrap, family_reports(2, 40))
    wait_until(lambda: logged_events(bootstrap) >= 160, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    after = in_topic(bootstrap)
    assert after[: len(before)] == before
    assert [each.feed_seq for each in after] == list(range(1, len(after) + 1))
    reader.read()
    told = {(each.alert_id, each.revision): each.content_hash for each in after}
    assert told == replayed(bootstrap)


def refused(live_flow: LiveFlow, store: str) -> str:
    """Restore a store that is there; why not."""
    dry, wet = run(live_flow, "restore", store, "--dry-run"), run(live_flow, "restore", store)
    assert (dry.exit_code, wet.exit_code) == (0, 1)
    assert wet.output.removeprefix("Error: ").strip() in dry.output.replace("would refuse: ", "")
    return wet.output


def restored(live_flow: LiveFlow, store: str, *options: str) -> str:
    """Restore a store, dry first; what was said."""
    dry = run(live_flow, "restore", store, "--dry-run", *options)
    assert dry.exit_code == 0, dry.output
    wet = run(live_flow, "restore", store, *options)
    assert wet.exit_code == 0, wet.output
    assert "would: " in dry.output
    assert dry.output.replace("would: ", "") in wet.output
    return wet.output


def run(live_flow: LiveFlow, *words: str) -> Result:
    return CliRunner().invoke(main, words, env=live_flow.environment())


def differing(found: dict[str, list[str]], wanted: dict[str, list[str]]) -> list[str]:
    """The tables that do not hold the same."""
    return [table for table, rows in wanted.items() if found[table] != rows]
