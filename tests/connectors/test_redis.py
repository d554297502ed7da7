"""The live feed against a real Valkey: once each, whole or not at all, through crashes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
import redis
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main
from revisions import a_revision
from subscribing import revision_reader

from alerts.model import Region, Revision, Route, Text
from connectors.address import Address, Where
from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis import (
    QUICK_SECONDS,
    FeedRetention,
    RedisAlertSink,
    RedisAlertWriter,
    greatest_epoch,
)
from connectors.redis_client import is_transient

pytestmark = pytest.mark.integration

AT = datetime(2024, 4, 16, 8, 0, tzinfo=UTC)


def revision(alert: int | str = 1, number: int = 1, **changes: Any) -> Revision:
    defaults: dict[str, Any] = {
        "key": {"matter": f"m-{alert}"},
        "first_occurred_at": AT,
        "content_hash": f"h-{alert}-{number}",
        "region": Region(county="620102", township="620102001"),
        "text": Text(zh="同一事项再次来电", en="contacted again"),
    }
    alert_id = str(uuid.uuid5(uuid.NAMESPACE_OID, str(alert)))
    return a_revision(alert_id, number, AT + timedelta(minutes=number), **defaults | changes)


def writer(url: Where, metrics: Metrics | None = None, resume: bytes | None = None, **options: Any) -> RedisAlertWriter:
    sink = RedisAlertSink(url, metrics or Metrics(), **options)
    return sink.build_part("redis", sink.list_parts()[0], resume)


def until(claim: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "the condition did not come true in time"


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def test_a_revision_is_in_streams_hash_and_open_sets(redis_url: str, client: Any) -> None:
    one = revision()

    writer(redis_url).write_batch([[one]])

    for stream in ("alerts:all", "alerts:620102"):
        [(_, fields)] = client.xrange(stream)
        assert msgspec.json.decode(fields["json"], type=Revision) == one
    row = client.hgetall(f"alert:{one.alert_id}")
    assert (row["level"], row["state"], row["key"]) == ("blue", "open", '{"matter":"m-1"}')
    assert row["text_zh"] == "同一事项再次来电"
    assert json.loads(row["json"])["alert_id"] == one.alert_id
    score = 1e13 + int(one.detected_at.timestamp() * 1000)
    assert client.zrange("alerts:open", 0, -1, withscores=True) == [(one.alert_id, score)]
    assert client.zrange("alerts:open:620102", 0, -1, withscores=True) == [(one.alert_id, score)]


def test_what_redis_has_lost_is_told_once_and_what_comes_goes_on(
    redis_url: str, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics()
    part = writer(redis_url, metrics)

    def lost(*places: int) -> float:
        part.write_batch([[revision(place, feed_seq=place)] for place in places])
        return metrics.value("anlan_revisions_lost_count")

    whole = lost(1, 2, 2, 3)
    client.flushall()
    wiped = lost(4), lost(5)
    client.set("alerts:feed_seq", 3)  # as of an older copy on the disk
    partly = lost(6)
    part.close()
    part = writer(redis_url, metrics)
    metrics.revisions_lost.set(0)

    assert (whole, wiped, partly, lost(6)) == (0, (3, 3), 5, 5)
    assert [fields["feed_seq"] for _, fields in client.xrange("alerts:all")] == ["4", "5", "6"]
    assert [text for text in caplog.messages if "revisions_lost" in text] == [
        f"revisions_lost count={count}; run `anlan restore redis`" for count in (3, 5, 5)
    ]


def test_an_alert_without_a_county_goes_to_unknown(redis_url: str, client: Any) -> None:
    writer(redis_url).write_batch([[revision(region=Region()), revision(2, region=Region(county="open"))]])

    assert client.xlen("alerts:unknown") == 2
    assert client.zcard("alerts:open:unknown") == 2


def test_a_hint_names_the_stream_entry(redis_url: str, client: Any) -> None:
    with client.pubsub(ignore_subscribe_messages=True) as hints:
        hints.subscribe("alerts.hint")
        hints.get_message(timeout=5)
        writer(redis_url).write_batch([[revision()]])

        hint = hints.get_message(timeout=5)

    [(stream_id, _)] = client.xrange("alerts:all")
    assert json.loads(hint["data"]) == {
        "alert_id": revision().alert_id,
        "revision": 1,
        "stream_id": stream_id,
    }


def in_county(alert: int | str, number: int, county: str, places: dict[str, int], **changes: Any) -> Revision:
    feeds = {f"alerts:{name}": place for name, place in places.items()}
    route = Route(feed=f"alerts:{county}")
    return revision(alert, number, region=Region(county=county), route=route, feed_seqs=feeds, **changes)


def places_in(client: Any, stream: str) -> list[tuple[str, str]]:
    return [(fields["revision"], fields["feed_seq"]) for _, fields in client.xrange(stream)]


def test_an_entry_goes_to_every_feed_it_has_a_place_in_and_says_which(redis_url: str, client: Any) -> None:
    first = in_county(1, 1, "620102", {"620102": 41}, feed_seq=90)
    moved = in_county(1, 2, "620103", {"620102": 42, "620103": 7}, feed_seq=91)

    writer(redis_url).write_batch([[first, moved]])

    assert places_in(client, "alerts:all") == [("1", "90"), ("2", "91")]
    assert places_in(client, "alerts:620102") == [("1", "41"), ("2", "42")]
    assert places_in(client, "alerts:620103") == [("2", "7")]


def test_a_county_has_the_last_revision_of_its_own_alerts_alone(redis_url: str, client: Any) -> None:
    out, alert_id = writer(redis_url), revision().alert_id
    out.write_batch([[in_county(1, 1, "620102", {"620102": 1})]])
    assert client.hget(f"alert:620102:{alert_id}", "json") == client.hget(f"alert:{alert_id}", "json")

    out.write_batch([[in_county(1, 2, "620103", {"620102": 2, "620103": 1})]])

    assert not client.exists(f"alert:620102:{alert_id}")
    assert client.hget(f"alert:620103:{alert_id}", "revision") == "2"
    assert client.zrange("alerts:open:620102", 0, -1) == []
    assert client.zrange("alerts:open:620103", 0, -1) == [alert_id]


def test_a_county_keeps_a_closed_alert_as_long_as_the_city_does(redis_url: str, client: Any) -> None:
    key = f"alert:620102:{revision().alert_id}"
    out = writer(redis_url, retention=FeedRetention(closed_alerts=timedelta(days=3)))
    out.write_batch([[in_county(1, 1, "620102", {"620102": 1})]])
    assert client.ttl(key) == -1

    out.write_batch([[in_county(1, 2, "620102", {"620102": 2}, state="closed")]])

    assert 0 < client.ttl(key) <= 3 * 86400


def test_hints_go_to_all_and_to_the_county_and_none_for_what_is_muted(redis_url: str, client: Any) -> None:
    with client.pubsub(ignore_subscribe_messages=True) as hints:
        hints.subscribe("alerts.hint", "alerts.hint:620102")
        hints.get_message(timeout=5)
        hints.get_message(timeout=5)
        shown = in_county(1, 1, "620102", {"620102": 1})
        muted = msgspec.structs.replace(
            in_county(1, 2, "620102", {"620102": 2}), route=Route(feed="alerts:620102", muted_by=("silence:s1",))
        )
        writer(redis_url).write_batch([[shown, muted, in_county(1, 3, "620102", {"620102": 3})]])

        heard = [hints.get_message(timeout=5) for _ in range(4)]
        more = hints.get_message(timeout=0.1)

    told = [(hint["channel"], json.loads(hint["data"])) for hint in heard]
    ids = {stream: [entry[0] for entry in client.xrange(stream)] for stream in ("alerts:all", "alerts:620102")}
    assert [(channel, hint["revision"], hint["stream_id"]) for channel, hint in told] == [
        ("alerts.hint", 1, ids["alerts:all"][0]),
        ("alerts.hint:620102", 1, ids["alerts:620102"][0]),
        ("alerts.hint", 3, ids["alerts:all"][2]),
        ("alerts.hint:620102", 3, ids["alerts:620102"][2]),
    ]
    assert more is None
    assert client.hget(f"alert:{shown.alert_id}", "revision") == "3"


def test_the_same_revision_twice_is_published_once(redis_url: str, client: Any) -> None:
    metrics = Metrics()
    seen: list[Revision] = []
    out = writer(redis_url, metrics, on_written=seen.extend)

    out.write_batch([[revision(), revision()], [revision(number=2)]])
    out.write_batch([[revision(), revision(number=2)]])

    assert [r.revision for r in seen] == [1, 2]
    assert client.xlen("alerts:all") == 2
    assert metrics.value("anlan_rows_written_total", sink="redis", table="alerts") == 2
    assert metrics.value("anlan_rows_skipped_total", sink="redis", reason="duplicate") == 2
    assert metrics.value("anlan_rows_skipped_total", sink="redis", reason="older") == 1
    assert metrics.value("anlan_hashes_mismatched_total", sink="redis") == 0


def test_the_fence_holds_when_the_streams_are_trimmed(redis_url: str, client: Any) -> None:
    out = writer(redis_url)
    out.write_batch([[revision()]])
    client.xtrim("alerts:all", maxlen=0, approximate=False)

    out.write_batch([[revision()]])

    assert client.xlen("alerts:all") == 0


@pytest.mark.parametrize(("epoch", "streams", "kept"), [(2, 2, "other"), (1, 1, "h-1-1"), (0, 1, "h-1-1")], ids=str)
def test_of_two_contents_the_greater_engine_epoch_wins(
    redis_url: str, client: Any, epoch: int, streams: int, kept: str
) -> None:
    metrics = Metrics()
    out = writer(redis_url, metrics)
    out.write_batch([[revision(engine_epoch=1)]])

    out.write_batch([[revision(engine_epoch=epoch, content_hash="other")]])

    assert client.hget(f"alert:{revision().alert_id}", "content_hash") == kept
    assert client.xlen("alerts:all") == streams
    assert metrics.value("anlan_hashes_mismatched_total", sink="redis") == 1


def test_a_closed_alert_is_not_open_and_its_hash_goes_later(redis_url: str, client: Any) -> None:
    out = writer(redis_url, retention=FeedRetention(closed_alerts=timedelta(days=3)))
    hash_key = f"alert:{revision().alert_id}"
    out.write_batch([[revision()]])
    assert client.ttl(hash_key) == -1

    out.write_batch([[revision(number=2, state="closed", reason="quiet")]])
    assert client.zcard("alerts:open") == client.zcard("alerts:open:620102") == 0
    assert 0 < client.ttl(hash_key) <= 3 * 86400

    out.write_batch([[revision(number=3, state="open", reason="reopened")]])
    assert client.zcard("alerts:open") == 1
    assert client.ttl(hash_key) == -1


def test_an_acked_alert_stays_open_and_keeps_its_moment(redis_url: str, client: Any) -> None:
    out = writer(redis_url)

    out.write_batch([[revision(), revision(number=2, state="acked", level="red")]])

    opened_ms = int(revision().detected_at.timestamp() * 1000)
    assert client.zscore("alerts:open", revision().alert_id) == 3e13 + opened_ms


def test_an_alert_that_moves_leaves_its_old_county(redis_url: str, client: Any) -> None:
    out = writer(redis_url)

    out.write_batch([[revision(), revision(number=2, region=Region(county="620103"))]])

    assert client.zcard("alerts:open:620102") == 0
    assert client.zrange("alerts:open:620103", 0, -1) == [revision().alert_id]


def test_streams_are_trimmed_by_age(redis_url: str, client: Any) -> None:
    client.xadd("alerts:all", {"old": "1"}, id="1-1")
    for number in range(300):
        client.xadd("alerts:all", {"old": "1"}, id=f"2-{number}")

    writer(redis_url, retention=FeedRetention(streams=timedelta(days=1))).write_batch([[revision()]])

    assert client.xlen("alerts:all") <= 101


def test_a_prefix_keeps_everything_apart(redis_url: str, client: Any) -> None:
    writer(Address(redis_url, prefix="{anlan}:")).write_batch([[revision()]])

    assert all(key.startswith("{anlan}:") for key in client.scan_iter())
    assert [r.revision for r in revision_reader(redis_url, prefix="{anlan}:").read()] == [1]


def test_open_alerts_come_highest_level_first(redis_url: str, client: Any) -> None:
    writer(redis_url).write_batch(
        [[revision("a"), revision("b", level="red"), revision("c", level="yellow"), revision("d", 2)]]
    )

    found = [client.hget(f"alert:{alert_id}", "key") for alert_id in client.zrevrange("alerts:open", 0, -1)]

    assert found == [f'{{"matter":"m-{each}"}}' for each in "bcda"]


def test_no_reader_sees_half_a_revision(redis_url: str, client: Any) -> None:
    out = writer(redis_url)
    revisions = [revision(n % 7, n // 7 + 1) for n in range(700)]
    job = threading.Thread(target=lambda: [out.write_batch([[r]]) for r in revisions])
    job.start()
    position, seen = "0-0", 0
    while seen < len(revisions):
        [(_, entries)] = client.xread({"alerts:all": position}, block=5000)
        for _, fields in entries:
            revision_in_hash, _ = client.hmget(f"alert:{fields['alert_id']}", "revision", "stream_id")
            assert int(revision_in_hash) >= int(fields["revision"])
            assert client.zscore("alerts:open", fields["alert_id"])
        position, seen = entries[-1][0], seen + len(entries)
    job.join()


def test_a_killed_server_and_a_replay_leave_each_revision_once(durable: Valkey) -> None:
    out = writer(durable.url)
    revisions = [revision(n % 10, n // 10 + 1) for n in range(200)]
    out.write_batch([revisions[:120]])
    durable.kill()
    durable.start()

    out.write_batch([revisions[60:]])

    reader = revision_reader(durable.url)
    said = reader.read()
    assert [(r.alert_id, r.revision) for r in said] == [(r.alert_id, r.revision) for r in revisions]
    assert reader.duplicates == 0


def test_a_writer_waits_for_a_server_that_comes_back(durable: Valkey) -> None:
    metrics = Metrics()
    out = writer(durable.url, metrics, patience=timedelta(seconds=20))
    revisions = [revision(n % 10, n // 10 + 1) for n in range(1000)]
    job = threading.Thread(target=lambda: [out.write_batch([[r]]) for r in revisions])
    job.start()
    for kills in range(1, 4):
        until(lambda n=kills: metrics.value("anlan_rows_written_total", **WRITTEN) > 150 * n)
        durable.kill()
        until(lambda n=kills: metrics.value("anlan_flushes_retried_total", sink="redis") >= n)
        durable.start()
    job.join(timeout=60)

    reader = revision_reader(durable.url)
    said = reader.read(count=5000)
    assert [(r.alert_id, r.revision) for r in said] == [(r.alert_id, r.revision) for r in revisions]
    assert reader.duplicates == 0


WRITTEN = {"sink": "redis", "table": "alerts"}


def test_a_server_that_stays_away_stops_the_flow_with_a_sentence(durable: Valkey) -> None:
    out = writer(durable.url, patience=timedelta(seconds=0.2))
    durable.kill()

    with pytest.raises(RuntimeError, match=r"redis must take its rows; got `.*`; mend it and start again"):
        out.write_batch([[revision()]])


def test_a_later_life_shuts_an_earlier_one_out(redis_url: str, client: Any) -> None:
    earlier, later, metrics = writer(redis_url), writer(redis_url), Metrics()
    earlier.write_batch([[revision(engine_epoch=3)]])
    later.write_batch([[revision(engine_epoch=4), revision(2, engine_epoch=4)]])
    assert greatest_epoch(redis_url) == 4

    writer(redis_url, metrics).write_batch([[revision(engine_epoch=3), revision(2, engine_epoch=3)]])
    with pytest.raises(
        RuntimeError, match=r"the latest life of the flow; got engine epoch 3 where a later one .* \(127.0.0.1:\d+\)"
    ):
        earlier.write_batch([[revision(2, engine_epoch=3), revision(3, engine_epoch=3)]])

    assert metrics.value("anlan_rows_skipped_total", sink="redis", reason="duplicate") == 2
    assert client.xlen("alerts:all") == 2
    assert not client.exists(f"alert:{revision(3).alert_id}")


def test_a_life_that_only_says_again_what_is_known_shuts_the_earlier_one_out(redis_url: str) -> None:
    earlier = writer(redis_url)
    earlier.write_batch([[revision(engine_epoch=1)]])
    writer(redis_url).write_batch([[revision(engine_epoch=2)]])

    with pytest.raises(RuntimeError, match="got engine epoch 1 where a later one has written"):
        earlier.write_batch([[revision(2, engine_epoch=1)]])


def test_what_an_earlier_life_left_in_the_spool_is_a_later_ones_to_deliver(redis_url: str, client: Any) -> None:
    earlier, later = writer(redis_url, epoch=4), writer(redis_url, epoch=5)
    later.write_batch([[revision(engine_epoch=5)], [revision(2, engine_epoch=4)]])

    with pytest.raises(RuntimeError, match="got engine epoch 4 where a later one has written"):
        earlier.write_batch([[revision(3, engine_epoch=3)]])

    assert [fields["engine_epoch"] for _, fields in client.xrange("alerts:all")] == ["5", "4"]
    assert greatest_epoch(redis_url) == 5


def test_an_empty_redis_knows_no_epoch(redis_url: str, durable: Valkey) -> None:
    assert greatest_epoch(redis_url) == greatest_epoch(Address(redis_url, prefix="other:")) == 0
    durable.kill()
    with pytest.raises(ConnectionError, match="redis must say its engine epoch; got"):
        greatest_epoch(durable.url)


LONG_AGO = {"published_at": datetime.now(UTC) - timedelta(days=31)}


def test_what_was_said_before_its_hash_expired_is_not_said_again(redis_url: str, client: Any) -> None:
    metrics = Metrics()
    out = writer(redis_url, metrics)
    out.write_batch([[revision(n, feed_seq=n, **LONG_AGO) for n in (1, 2, 3)]])
    assert client.get("alerts:feed_seq") == "3"
    client.delete(*client.keys("alert:*"))

    out.write_batch([[revision(n, feed_seq=n, **LONG_AGO) for n in (1, 2, 3, 4)]])

    assert metrics.value("anlan_rows_skipped_total", sink="redis", reason="duplicate") == 3
    assert client.xlen("alerts:all") == 4


@pytest.mark.parametrize(
    "changes",
    [{"feed_seq": 0, **LONG_AGO}, {"feed_seq": 2, "published_at": datetime.now(UTC) - timedelta(days=26)}],
    ids=["unnumbered", "lately"],
)
def test_numbers_that_begin_again_swallow_no_alert(redis_url: str, client: Any, changes: dict[str, Any]) -> None:
    out = writer(redis_url)
    out.write_batch([[revision(1, feed_seq=100)]])

    out.write_batch([[revision(2, **changes)]])

    assert client.xlen("alerts:all") == 2


def test_a_wrong_password_stops_the_flow_at_once(durable: Valkey) -> None:
    with redis.Redis.from_url(durable.url) as client:
        client.config_set("requirepass", "right")
    out = writer(durable.url.replace("//", "//:wrong@"), patience=timedelta(seconds=60))

    with pytest.raises(RuntimeError, match=r"redis must take its rows; got `.*(WRONGPASS|invalid username-password)"):
        out.write_batch([[revision()]])


def no_memory(client: Any, on: bool) -> None:
    client.config_set("maxmemory", 1 if on else 0)


def a_replica(client: Any, on: bool) -> None:
    client.replicaof("127.0.0.1", 1) if on else client.replicaof("NO", "ONE")


def too_few_replicas(client: Any, on: bool) -> None:
    client.config_set("min-replicas-to-write", 1 if on else 0)


@pytest.mark.parametrize("trouble", [no_memory, a_replica, too_few_replicas])
def test_a_server_that_takes_no_writes_for_a_while_is_waited_for(
    durable: Valkey, tmp_path: Path, trouble: Callable[[Any, bool], None]
) -> None:
    metrics = Metrics()
    out = writer(durable.url, metrics, spool=tmp_path / "spool")
    with redis.Redis.from_url(durable.url) as client:
        trouble(client, True)
        out.write_batch([[revision(n) for n in range(5)]])
        assert metrics.value("anlan_sink_away_state", sink="redis") == 1
        out.snapshot()
        trouble(client, False)
    out.spool.flush()
    out.close()

    assert len(revision_reader(durable.url).read()) == 5


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (redis.exceptions.ConnectionError("refused"), True),
        (redis.exceptions.TimeoutError("no answer"), True),
        (redis.exceptions.BusyLoadingError("loading"), True),
        (redis.exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), True),
        (redis.exceptions.ResponseError("-MISCONF Redis is configured to save RDB snapshots"), True),
        (redis.exceptions.ResponseError("BUSY Redis is busy running a script"), True),
        (redis.exceptions.OutOfMemoryError("command not allowed", status_code="OOM"), True),
        (redis.exceptions.ResponseError("WRONGTYPE Operation against a key"), False),
        (redis.exceptions.NoPermissionError("no", status_code="NOPERM"), False),
        (redis.exceptions.AuthenticationError("no", status_code="WRONGPASS"), False),
        (ValueError("ours"), False),
    ],
    ids=str,
)
def test_what_passes_by_itself_is_transient(error: Exception, expected: bool) -> None:
    assert is_transient(error) == expected


def numbers(revisions: list[Revision]) -> list[tuple[str, int]]:
    return [(each.alert_id, each.revision) for each in revisions]


def test_what_a_server_that_is_away_missed_is_caught_up_in_order(
    durable: Valkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics()
    out = writer(durable.url, metrics, spool=tmp_path / "spool")
    revisions = [revision(n % 10, n // 10 + 1) for n in range(5000)]
    out.write_batch([revisions[:100]])
    durable.kill()
    began = time.monotonic()
    for start in range(100, 4900, 100):
        out.write_batch([revisions[start : start + 100]])
        out.snapshot()
    assert time.monotonic() - began < 10
    assert metrics.value("anlan_rows_spooled_count", sink="redis") == 4800
    durable.start()
    out.write_batch([revisions[4900:]])
    out.spool.flush()

    reader = revision_reader(durable.url)
    assert numbers(reader.read(count=10_000)) == numbers(revisions)
    assert reader.duplicates == 0
    said = [record.getMessage().split()[0] for record in caplog.records]
    assert said == ["sink_away", "sink_back"]
    assert metrics.value("anlan_rows_written_total", **WRITTEN) == 5000
    out.close()


def test_a_server_that_hangs_holds_the_worker_once_and_shortly(durable: Valkey, tmp_path: Path) -> None:
    out = writer(durable.url, spool=tmp_path / "spool")
    revisions = [revision(n % 10, n // 10 + 1) for n in range(300)]
    out.write_batch([revisions[:100]])
    os.kill(durable.pid, signal.SIGSTOP)
    began = time.monotonic()
    for start in range(100, 300, 10):
        out.write_batch([revisions[start : start + 10]])
        out.snapshot()
    held = time.monotonic() - began
    os.kill(durable.pid, signal.SIGCONT)
    out.spool.flush()

    reader = revision_reader(durable.url)
    assert numbers(reader.read(count=1000)) == numbers(revisions)
    assert reader.duplicates == 0
    assert held < 2 * QUICK_SECONDS
    out.close()


def test_a_flow_that_starts_while_redis_is_away_goes_on(durable: Valkey, tmp_path: Path) -> None:
    durable.kill()
    out = writer(durable.url, spool=tmp_path / "spool")
    out.write_batch([[revision()]])
    saved = out.snapshot()
    out.spool.abandon()
    durable.start()

    again = writer(durable.url, resume=saved, spool=tmp_path / "spool")
    again.spool.flush()
    again.close()

    assert numbers(revision_reader(durable.url).read()) == numbers([revision()])


A_LIFE = """
import random, sys, threading, time
from pathlib import Path
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from tests.connectors.test_redis import revision

url, folder, life = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
saved_in = folder / "saved"
saved, begun = None, 0
if saved_in.exists():
    number, saved = saved_in.read_bytes().split(b"|", 1)
    begun = int(number)
sink = RedisAlertSink(url, Metrics(), spool=folder / "spool")
out = sink.build_part("redis", "feed", saved)
for at in range(begun, 3000, 20):
    rows = range(at, min(at + 20, 3000))
    out.write_batch([[revision(n % 50, n // 50 + 1, engine_epoch=life, feed_seq=n + 1) for n in rows]])
    if at % 200 == 180:
        state = out.snapshot()
        (folder / "new").write_bytes(b"%d|" % (at + 20) + state)
        (folder / "new").rename(saved_in)  # the engine's own commit
        print(at, flush=True)
    time.sleep(0.002)
print("fed", flush=True)
out.spool.flush()
print("done", flush=True)
"""


def test_lives_that_are_killed_while_the_server_comes_and_goes_leave_each_revision_once(
    durable: Valkey, tmp_path: Path
) -> None:
    chance = random.Random(7)
    said: list[str] = []
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (root / "tests" / "support", root)))}
    for life in range(1, 40):
        if chance.random() < 0.5:
            durable.kill()
        command = [sys.executable, "-c", A_LIFE, durable.url, str(tmp_path), str(life)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout is not None
        lines = 0 if life > 12 else chance.randint(1, 4)
        for line in child.stdout:
            said.append(line.strip())
            lines -= 1
            if not lines:
                break
            if not durable.is_running() and (life > 12 or "fed" in line or chance.random() < 0.5):
                durable.start()
        child.kill() if lines == 0 else child.wait()
        child.wait()
        if said[-1] == "done":
            break
        durable.start()

    revisions = [revision(n % 50, n // 50 + 1) for n in range(3000)]
    reader = revision_reader(durable.url)
    assert numbers(reader.read(count=100_000)) == numbers(revisions)
    assert reader.duplicates == 0


def test_a_flow_publishes_in_order(redis_url: str) -> None:
    metrics = Metrics()
    revisions = [revision(n % 3, n // 3 + 1) for n in range(30)]
    flow = Dataflow("redis_flow")
    slices = [("feed", revisions[start : start + 4]) for start in range(0, 30, 4)]
    op.output("redis", op.input("in", flow, TestingSource(slices)), RedisAlertSink(redis_url, metrics))

    run_main(flow)

    said = revision_reader(redis_url).read()
    assert [(r.alert_id, r.revision) for r in said] == [(r.alert_id, r.revision) for r in revisions]


def test_a_flow_that_ended_while_redis_was_away_delivers_at_its_next_start(
    durable: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.spool.CLOSE_SECONDS", 0.2)
    init_db_dir(tmp_path, 1)
    revisions = [revision(n % 3, n // 3 + 1) for n in range(40)]
    slices: list[Any] = [("feed", revisions[start : start + 4]) for start in range(0, 40, 4)]
    source = [*slices[:6], TestingSource.EOF(), *slices[6:]]

    for is_away in (True, False):
        durable.kill() if is_away else durable.start()
        flow = Dataflow("redis_flow")
        sink = RedisAlertSink(durable.url, Metrics(), spool=tmp_path / "spool")
        op.output("redis", op.input("in", flow, TestingSource(source)), sink)
        run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(tmp_path)))

    reader = revision_reader(durable.url)
    assert numbers(reader.read()) == numbers(revisions)
    assert reader.duplicates == 0
