"""A county's user of Redis reads its own feeds, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError
from revisions import a_revision
from subscribing import revision_reader

from alerts.model import Acted, AlertAction, Doing, Matchers, Region, Revision, Route, Silencing, from_us
from connectors.address import Address
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from connectors.redis_keys import county_access, names
from connectors.redis_people import RedisPeopleSink
from connectors.subscriber_snapshot import begin_with_what_is_open

pytestmark = pytest.mark.integration

OURS, THEIRS = "620102", "620103"


def revision(alert_id: str, county: str, place: int) -> Revision:
    return a_revision(
        alert_id,
        1,
        from_us(1_772_000_000_000_000),
        content_hash=alert_id,
        region=Region(county=county),
        route=Route(feed=f"alerts:{county}"),
        feed_seq=place,
        feed_seqs={f"alerts:{county}": 1},
    )


def acted(seq: int, county: str, doing: Doing, **fields: Any) -> Acted:
    action = AlertAction(f"act-{seq}", doing, "li", "duty", from_us(1_772_000_000_000_000), **fields)
    return Acted(seq, action.acted_at, action, "done", county=county)


SILENCE = acted(3, "", "silence", silence=Silencing(Matchers(rule="rc.*")))  # of the whole city


@pytest.fixture(params=["", "{anlan}:"], ids=["plain", "prefix"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clerk_url(redis_url: str, prefix: str) -> Iterator[str]:
    """The address for a user of one county, with an alert of theirs and one of another county in the feeds."""
    address = Address(redis_url, prefix=prefix)
    part = RedisAlertSink(address, Metrics()).build_part("redis", "feed", None)
    part.write_batch([[revision("a", OURS, 1), revision("b", THEIRS, 2)]])
    part.close()
    people = RedisPeopleSink(address, Metrics()).build_part("people", "people", None)
    people.write_batch([[acted(1, OURS, "ack", alert_id="a"), acted(2, THEIRS, "ack", alert_id="b"), SILENCE]])
    people.close()
    with redis.Redis.from_url(redis_url) as admin:
        admin.execute_command("ACL", "SETUSER", "clerk", "reset", "on", ">secret", *county_access(OURS, prefix))
        yield redis_url.replace("//", "//clerk:secret@")
        admin.execute_command("ACL", "DELUSER", "clerk")


@pytest.fixture
def clerk(clerk_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(clerk_url, decode_responses=True) as client:
        yield client


def test_a_county_reads_every_feed_of_its_own(clerk: Any, prefix: str) -> None:
    ours = names(prefix)

    assert [fields["alert_id"] for _, fields in clerk.xrange(ours.stream(OURS))] == ["a"]
    assert clerk.hget(ours.record("a", OURS), "level") == "blue"
    assert clerk.zrevrange(ours.open_set(OURS), 0, -1) == ["a"]
    assert clerk.hget(f"{prefix}people:{OURS}:a", "ack_by") == "li"
    assert [fields["seq"] for _, fields in clerk.xrange(f"{prefix}actions:{OURS}")] == ["1"]
    with clerk.pubsub() as hints:
        hints.subscribe(ours.hints(OURS))
        assert hints.get_message(timeout=5)["type"] == "subscribe"


def test_a_county_reads_in_a_group_of_consumers(clerk: Any, prefix: str) -> None:
    stream = names(prefix).stream(OURS)
    clerk.xgroup_create(stream, "duty", id="0")

    [(_, [(stream_id, fields)])] = clerk.xreadgroup("duty", "one", {stream: ">"})

    assert fields["alert_id"] == "a"
    assert clerk.xack(stream, "duty", stream_id) == 1
    assert clerk.xautoclaim(stream, "duty", "two", 0)[1] == []


def test_a_subscriber_of_a_county_needs_no_more(clerk_url: str, prefix: str) -> None:
    reader = revision_reader(clerk_url, OURS, prefix=prefix)
    assert [(each.alert_id, each.revision) for each in reader.read()] == [("a", 1)]
    assert (reader.read(), reader.is_whole) == ([], True)  # and looked whether the stream is empty

    assert begin_with_what_is_open(reader).keys() == {"a"}


def test_everything_of_another_county_and_of_all_is_refused(clerk: Any, prefix: str) -> None:
    ours = names(prefix)
    refused: dict[str, tuple[Any, ...]] = {
        "stream": ("XRANGE", ours.stream(THEIRS), "-", "+"),
        "stream of all": ("XREAD", "STREAMS", ours.stream(), "0"),
        "stream without a county": ("XREAD", "STREAMS", ours.stream("unknown"), "0"),
        "hash": ("HGETALL", ours.record("b", THEIRS)),
        "hash of all": ("HGETALL", ours.record("b")),
        "own alert as all read it": ("HGETALL", ours.record("a")),
        "open": ("ZREVRANGE", ours.open_set(THEIRS), "0", "-1"),
        "open of all": ("ZREVRANGE", ours.open_set(), "0", "-1"),
        "people": ("HGETALL", f"{prefix}people:{THEIRS}:b"),
        "people of all": ("HGETALL", f"{prefix}people:b"),
        "own people as all read them": ("HGETALL", f"{prefix}people:a"),
        "actions": ("XREAD", "STREAMS", f"{prefix}actions:{THEIRS}", "0"),
        "actions of all": ("XREAD", "STREAMS", f"{prefix}actions:all", "0"),
        "number of actions": ("GET", f"{prefix}actions:seq"),
        "what became of an action": ("GET", f"{prefix}acted:act-2"),
        "what became of an own action": ("GET", f"{prefix}acted:act-1"),
        "silences": ("HGETALL", f"{prefix}silences"),
        "one silence": ("HGET", f"{prefix}silences", "act-3"),
        "group": ("XREADGROUP", "GROUP", "g", "c", "STREAMS", ours.stream(THEIRS), ">"),
        "new group": ("XGROUP", "CREATE", ours.stream(THEIRS), "g", "0"),
        "hints": ("SUBSCRIBE", ours.hints(THEIRS)),
        "hints of all": ("SUBSCRIBE", ours.hints()),
        "a pattern of hints": ("PSUBSCRIBE", "*"),
        "names of keys": ("KEYS", "*"),
        "scan": ("SCAN", "0"),
        "monitor": ("MONITOR",),
        "other users": ("ACL", "LIST"),
        "script": ("EVAL", "return redis.call('HGETALL', KEYS[1])", "1", ours.record("a", OURS)),
        "epoch": ("GET", ours.epoch),
    }
    told = {}
    for what, command in refused.items():
        try:
            told[what] = clerk.execute_command(*command)
        except NoPermissionError:
            continue

    assert told == {}


def test_what_is_refused_is_there_for_the_city(clerk: Any, redis_url: str, prefix: str) -> None:
    keys = ("people:b", "people:a", f"people:{THEIRS}:b", "actions:all", "actions:seq", "acted:act-1", "silences")
    with redis.Redis.from_url(redis_url) as admin:
        assert [key for key in keys if not admin.exists(f"{prefix}{key}")] == []


def test_a_county_changes_nothing(clerk: Any, prefix: str) -> None:
    ours = names(prefix)
    changes: dict[str, tuple[Any, ...]] = {
        "add": ("XADD", ours.stream(OURS), "*", "json", "{}"),
        "trim": ("XTRIM", ours.stream(OURS), "MAXLEN", "0"),
        "delete": ("DEL", ours.stream(OURS)),
        "hash": ("HSET", ours.record("a", OURS), "level", "red"),
        "open": ("ZREM", ours.open_set(OURS), "a"),
        "rename": ("RENAME", ours.stream(OURS), "mine"),
        "expire": ("EXPIRE", ours.record("a", OURS), "1"),
        "people": ("HSET", f"{prefix}people:{OURS}:a", "ack_by", "wang"),
        "action": ("XADD", f"{prefix}actions:{OURS}", "*", "json", "{}"),
        "silence": ("HDEL", f"{prefix}silences", "act-3"),
        "hint": ("PUBLISH", ours.hints(OURS), "{}"),
        "empty": ("FLUSHALL",),
        "server": ("CONFIG", "SET", "maxmemory", "1"),
    }
    done = {}
    for what, command in changes.items():
        try:
            done[what] = clerk.execute_command(*command)
        except NoPermissionError:
            continue

    assert done == {}
