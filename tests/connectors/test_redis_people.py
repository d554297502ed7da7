"""What people do, in a real Valkey: each row once, words kept apart from the stream's, an older life refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from revisions import a_revision

from alerts.desk.audit import Audit
from alerts.model import Acted, AlertAction, Matchers, Revision, Silencing, to_us
from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from connectors.redis_people import NOTES_KEPT, RedisPeopleSink
from dataflows.api.answers import Notice

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Rows:
    """Rows of an audit, one after the other."""

    def __init__(self, epoch: int = 1) -> None:
        self._audit = Audit()
        self._epoch = epoch
        self._count = 0

    def row(self, doing: str, verdict: str = "done", **fields: Any) -> Acted:
        self._count += 1
        action = AlertAction(f"a{self._count}", doing, "li", "duty", AT, **{"alert_id": "x", **fields})  # type: ignore[arg-type]
        at = to_us(AT + timedelta(minutes=self._count))
        made = self._audit.enter(action, at, verdict, "", None)  # type: ignore[arg-type]
        return msgspec.structs.replace(made, county="620102", engine_epoch=self._epoch)


def write(url: str, *rows: Acted, metrics: Metrics | None = None) -> None:
    part = RedisPeopleSink(url, metrics or Metrics()).build_part("people", "people", None)
    part.write_batch([list(rows)])
    part.snapshot()
    part.close()


def people(client: redis.Redis, key: str = "people:x") -> dict[str, Any]:
    found: Any = client.hgetall(key)
    return {name.decode(): value.decode() for name, value in found.items()}


def test_what_people_do_is_kept_for_the_alert_and_for_its_county(redis_url: str) -> None:
    client, rows = redis.Redis.from_url(redis_url), Rows()
    until = AT + timedelta(hours=8)

    write(redis_url, rows.row("ack", until=until), rows.row("assign", assigned_to="wang"), rows.row("note", why="seen"))

    found = people(client)
    assert (found["ack_by"], found["ack_until"], found["assigned_to"]) == ("li", until.isoformat(), "wang")
    assert [note["why"] for note in msgspec.json.decode(found["notes"])] == ["seen"]
    assert people(client, "people:620102:x") == found
    assert client.xlen("actions:all") == client.xlen("actions:620102") == 3


def test_what_was_refused_is_told_and_changes_nothing(redis_url: str) -> None:
    client, rows = redis.Redis.from_url(redis_url), Rows()

    write(redis_url, rows.row("close", "refused", disposition="benign"))

    stored: Any = client.get("acted:a1")
    assert msgspec.json.decode(stored, type=Acted).verdict == "refused"
    assert people(client) == {}


def test_rows_that_come_again_are_left_out(redis_url: str) -> None:
    client, rows, metrics = redis.Redis.from_url(redis_url), Rows(), Metrics()
    first, second = rows.row("note", why="one"), rows.row("note", why="two")
    write(redis_url, first)

    write(redis_url, first, second, metrics=metrics)

    assert [note["why"] for note in msgspec.json.decode(people(client)["notes"])] == ["one", "two"]
    assert client.xlen("actions:all") == 2
    assert metrics.value("anlan_rows_skipped_total", sink="redis-people", reason="duplicate") == 1


def test_a_supervision_notice_is_there_until_it_is_answered_or_a_person_closes_the_alert(redis_url: str) -> None:
    client, rows = redis.Redis.from_url(redis_url), Rows()
    due = AT + timedelta(hours=4)

    def waiting() -> list[tuple[str, str, datetime, str]]:
        notices = msgspec.json.decode(people(client)["notices"] or "[]", type=list[Notice])
        assert people(client) == people(client, "people:620102:x")
        return [(each.id, each.to, each.due, each.by) for each in notices]

    for whom in ("街道", "派出所"):
        write(redis_url, rows.row("supervise", assigned_to=whom, until=due, why="三日未办"))
    assert waiting() == [("a1", "街道", due, "li"), ("a2", "派出所", due, "li")]

    write(redis_url, rows.row("answer", "refused", of="a1", why="已办"), rows.row("answer", of="none", why="已办"))
    assert len(waiting()) == 2

    write(redis_url, rows.row("answer", of="a1", why="已上门"))
    assert [name for name, *_ in waiting()] == ["a2"]

    write(redis_url, rows.row("answer", of="a2", why="已上门"), rows.row("supervise", assigned_to="街道", until=due))
    assert [name for name, *_ in waiting()] == ["a7"]

    write(redis_url, rows.row("close", disposition="benign"))
    assert waiting() == []


def test_a_silence_is_there_until_it_ends(redis_url: str) -> None:
    client, rows = redis.Redis.from_url(redis_url), Rows()
    write(redis_url, rows.row("silence", alert_id="", silence=Silencing(Matchers(rule="rc.*")), why="drill"))
    assert client.hkeys("silences") == [b"a1"]

    write(redis_url, rows.row("unsilence", alert_id="", of="a1"))

    assert client.hkeys("silences") == []


def test_an_older_life_of_the_flow_is_refused(redis_url: str) -> None:
    redis.Redis.from_url(redis_url).set("alerts:epoch", 7)

    with pytest.raises(RuntimeError, match="got engine epoch 1 where a later one has written"):
        write(redis_url, Rows(epoch=1).row("note", why="one"))


def test_what_an_earlier_life_left_in_the_spool_is_delivered_though_alerts_of_this_one_are_there(
    durable: Valkey, tmp_path: Path
) -> None:
    durable.kill()
    earlier = RedisPeopleSink(durable.url, Metrics(), epoch=3, spool=tmp_path / "spool")
    part = earlier.build_part("people", "people", None)
    part.write_batch([[Rows(epoch=3).row("note", why="one")]])
    saved = part.snapshot()
    part.spool.abandon()
    durable.start()
    alerts = RedisAlertSink(durable.url, Metrics(), epoch=4).build_part("redis", "feed", None)
    alerts.write_batch([[a_revision("x", 1, AT, engine_epoch=4)]])
    alerts.close()

    later = RedisPeopleSink(durable.url, Metrics(), epoch=4, spool=tmp_path / "spool")
    later.build_part("people", "people", saved).close()

    with redis.Redis.from_url(durable.url) as client:
        assert [note["why"] for note in msgspec.json.decode(people(client)["notes"])] == ["one"]


def test_the_oldest_notes_of_an_alert_make_room(redis_url: str) -> None:
    client, rows = redis.Redis.from_url(redis_url), Rows()

    write(redis_url, *[rows.row("note", why=f"{n}") for n in range(NOTES_KEPT + 3)])

    notes = msgspec.json.decode(people(client)["notes"])
    assert [note["why"] for note in notes] == [str(n) for n in range(3, NOTES_KEPT + 3)]


def test_a_revision_does_not_touch_the_words_of_people(redis_url: str) -> None:
    client, rows = redis.Redis.from_url(redis_url), Rows()
    write(redis_url, rows.row("note", why="kept"))
    before = people(client)
    said: Revision = a_revision("x", 1, AT)
    part = RedisAlertSink(redis_url, Metrics()).build_part("redis", "feed", None)

    part.write_batch([[said]])
    part.close()

    assert client.hget("alert:x", "revision") == b"1"
    assert people(client) == before
