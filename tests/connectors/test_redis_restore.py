"""Redis was lost: of the past exactly that is written again which it would still hold, and nobody is told again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from revisions import a_revision

from alerts.model import Acted, AlertAction, Matchers, Region, Revision, Route, Silencing, to_us
from connectors.address import Address, Where
from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from connectors.redis_restore import Feeds, Needed

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
OPENED = NOW - timedelta(days=200)


def said(alert: str, number: int, place: int, days_ago: float, **changes: Any) -> Revision:
    """A revision that was published some days ago."""
    at = NOW - timedelta(days=days_ago)
    values: dict[str, Any] = {
        "detected_at": at, "published_at": at, "feed_seq": place, "feed_seqs": {"alerts:620102": place},
        "region": Region("620102"), "route": Route("alerts:620102"), "content_hash": f"{alert}/{number}",
        "engine_epoch": 1,
    }  # fmt: skip
    return a_revision(alert, number, at, **values | changes)


PAST = [
    said("old-open", 1, 1, 200, engine_epoch=3),
    said("old-closed", 1, 2, 190),
    said("old-closed", 2, 3, 180, state="closed"),
    said("old-open", 2, 4, 100, level="red"),
    said("closed", 1, 5, 25),
    said("closed", 2, 6, 20, state="closed"),
    said("young", 1, 7, 3),
    said("young", 2, 8, 2, state="closed", engine_epoch=2),
]


def needed(past: list[Revision]) -> Needed:
    found = Needed(to_us(NOW))
    for revision in past:
        found.take(msgspec.json.encode(revision))
    return found


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def restored(url: Where, past: list[Revision], rows: list[Acted] | None = None) -> None:
    with Feeds(url) as feeds:
        feeds.write_people(rows or [])
        list(feeds.write_revisions(needed(past)))


def test_what_is_open_or_closed_lately_or_in_the_streams_is_needed() -> None:
    found = [msgspec.json.decode(each.body, type=Revision) for each in needed(PAST).found()]

    assert [(each.alert_id, each.revision) for each in found] == [
        ("old-open", 2),
        ("closed", 2),
        ("young", 1),
        ("young", 2),
    ]


def test_what_is_restored_is_not_lost_and_neither_is_what_nobody_needs(redis_url: str, client: Any) -> None:
    part = RedisAlertSink(redis_url, Metrics()).build_part("redis", "feed", None)
    part.write_batch([[PAST[-1]]])
    lost = client.get("alerts:lost")
    with Feeds(redis_url) as feeds:
        feeds.empty()
    restored(redis_url, PAST)
    part.write_batch([[said("next", 1, 9, 0, engine_epoch=3)]])
    part.close()

    assert (lost, client.get("alerts:lost"), client.get("alerts:feed_seq")) == ("7", None, "9")


def test_the_end_of_the_feed_is_always_needed() -> None:
    found = needed(PAST[:3]).found()

    assert [each.feed_seq for each in found] == [1, 3]


def test_of_a_number_that_was_said_twice_the_greater_epoch_counts() -> None:
    twice = [said("a", 1, 1, 1, engine_epoch=2, level="red"), said("a", 1, 1, 1, engine_epoch=1)]

    (found,) = needed(twice).found()

    assert msgspec.json.decode(found.body, type=Revision).level == "red"


def test_streams_hold_what_they_would_remember_and_hashes_the_rest(redis_url: str, client: Any) -> None:
    restored(redis_url, PAST)

    for stream in ("alerts:all", "alerts:620102"):
        assert [json.loads(fields["json"])["feed_seq"] for _, fields in client.xrange(stream)] == [7, 8]
    assert client.hget("alert:old-open", "revision") == "2"
    assert client.hget("alert:620102:old-open", "level") == "red"
    assert not client.exists("alert:old-closed")
    assert (client.get("alerts:feed_seq"), client.get("alerts:epoch")) == ("8", "3")


def test_an_alert_keeps_the_moment_at_which_it_opened(redis_url: str, client: Any) -> None:
    restored(redis_url, PAST)

    assert client.zrange("alerts:open", 0, -1, withscores=True) == [
        ("old-open", 3e13 + to_us(PAST[0].detected_at) // 1000)
    ]


def test_an_earlier_life_is_not_fenced_and_nobody_is_told(redis_url: str, client: Any) -> None:
    """The third life said the first revision again, the second one the last."""
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("alerts.hint*")
    listener.get_message(timeout=5)
    restored(redis_url, PAST)
    client.publish("alerts.hint", "end")
    heard = next(each for _ in range(100) if (each := listener.get_message(timeout=5)))

    assert heard["data"] == "end"
    assert client.hget("alert:young", "revision") == "2"


def test_the_flow_goes_on_behind_what_was_restored(redis_url: str, client: Any) -> None:
    restored(redis_url, PAST)
    writer = RedisAlertSink(redis_url, Metrics()).build_part("redis", "feed", None)
    again = msgspec.structs.replace(PAST[7], engine_epoch=4)
    writer.write_batch([[again, said("next", 1, 9, 0, engine_epoch=4)]])
    writer.close()

    assert [fields["feed_seq"] for _, fields in client.xrange("alerts:all")] == ["7", "8", "9"]


def acted(seq: int, days_ago: float, **fields: Any) -> Acted:
    at = NOW - timedelta(days=days_ago)
    action = AlertAction(f"a{seq}", actor="li", role="supervisor", acted_at=at, alert_id="old-open", **fields)
    return Acted(seq, at, action, "done", county="620102", engine_epoch=1)


def test_peoples_words_are_kept_as_if_they_had_never_been_lost(redis_url: str, client: Any) -> None:
    muting = Silencing(Matchers(rule="gi.*"))
    restored(
        redis_url,
        [],
        [
            acted(1, 170, action="assign", assigned_to="wang"),
            acted(2, 40, action="silence", silence=muting),
            acted(3, 20, action="note", why="spoke to both"),
            acted(4, 1, action="silence", silence=muting),
            acted(5, 0.5, action="unsilence", of="a2"),
        ],
    )

    assert client.hget("people:old-open", "assigned_to") == "wang"
    assert [fields["seq"] for _, fields in client.xrange("actions:all")] == ["3", "4", "5"]
    assert sorted(client.scan_iter("acted:*")) == ["acted:a4", "acted:a5"]
    assert list(client.hgetall("silences")) == ["a4"]
    assert client.get("actions:seq") == "5"
    days = client.ttl("people:old-open") / 86_400
    assert 179 < days < 180


def test_only_what_is_ours_is_removed(redis_url: str, client: Any) -> None:
    restored(redis_url, PAST, [acted(1, 1, action="assign", assigned_to="wang")])
    client.set("somebody:else", "1")

    with Feeds(redis_url) as feeds:
        assert feeds.empty() > 5
        assert list(feeds.names()) == []
    assert client.keys("*") == ["somebody:else"]


def test_of_two_installations_one_is_written_again_and_emptied_alone(redis_url: str, client: Any) -> None:
    lanzhou, baiyin = (Address(redis_url, prefix=f"{{{name}}}:") for name in ("lanzhou", "baiyin"))
    for each in (lanzhou, baiyin):
        restored(each, PAST, [acted(1, 1, action="assign", assigned_to="wang")])
    with Feeds(baiyin) as feeds:
        theirs, place = set(feeds.names()), feeds.place()

    with Feeds(lanzhou) as feeds:
        assert feeds.empty() == len(theirs)

    assert set(client.keys("*")) == {name.decode() for name in theirs}
    assert all(name.startswith(b"{baiyin}:") for name in theirs)
    assert place == PAST[-1].feed_seq


def test_a_redis_that_dies_meanwhile_is_said_in_a_sentence(tmp_path: Path) -> None:
    with Valkey(tmp_path / "valkey") as own:
        feeds = Feeds(own.url)
        own.kill()
        with pytest.raises(ConnectionError, match=r"redis must answer; got `.+; start it"), feeds:
            feeds.empty()


def test_a_redis_that_is_away_is_said_in_a_sentence() -> None:
    with pytest.raises(ConnectionError, match=r"redis must answer; got `.+` \(127\.0\.0\.1:1\)"):
        Feeds("redis://127.0.0.1:1/0")
