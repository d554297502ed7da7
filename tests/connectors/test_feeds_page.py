"""What the page about the feeds says is so: commands, names, rights, records. `test_subscriber` runs its program."""

from __future__ import annotations

import contextlib
import re
import shlex
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from revisions import a_revision
from subscribing import revision_reader

from alerts.model import Receipt, Region, Revision, Route, from_us
from connectors.kafka_receipts import read_receipt
from connectors.kafka_topics import topics
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from connectors.redis_keys import county_access, names

PAGE = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
ALERT = "5d1f0c9e-0000-5000-8000-000000000000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands(program: str) -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    # `>` is an id of the stream here, which a shell wants quoted
    return [shlex.split(line)[1:] for line in lines if line.startswith(program)]


@pytest.fixture
def fed(redis_url: str) -> str:
    said: Revision = a_revision(
        ALERT,
        1,
        from_us(1_772_000_000_000_000),
        content_hash="h",
        region=Region(county="620102"),
        route=Route(feed="alerts:620102"),
        feed_seq=1,
        feed_seqs={"alerts:620102": 1},
    )
    part = RedisAlertSink(redis_url, Metrics()).build_part("redis", "feed", None)
    part.write_batch([[said]])
    part.close()
    return redis_url


@pytest.mark.integration
def test_every_command_of_redis_does_something(fed: str) -> None:
    found: dict[str, Any] = {}
    with redis.Redis.from_url(fed, decode_responses=True) as client:
        for command in commands("redis-cli"):
            found[" ".join(command)] = client.execute_command(*command)

    nothing = [command for command, answer in found.items() if not answer]
    assert len(found) == 11
    assert [command.split()[0] for command in nothing] == ["XACK"]  # of an id that nobody has


def test_what_the_shell_would_take_for_its_own_is_quoted() -> None:
    for block in blocks("sh"):
        assert not re.search(r"(?<!['\\])[<>|&;](?!')", block), block


@pytest.mark.parametrize("command", commands("kcat"), ids=lambda command: command[4])
def test_the_topics_of_the_commands_are_there(command: list[str]) -> None:
    assert command[command.index("-t") + 1] in topics([])


def test_every_name_of_a_topic_is_there_and_every_topic_for_others_is_on_the_page() -> None:
    named = set(re.findall(r"`([a-z.-]+\.v1)`", PAGE))

    assert named == set(topics([])) - {"events.v1", "deadletters.v1"}


def test_every_name_in_redis_is_as_it_is_written() -> None:
    ours = names()
    table = {
        ours.stream(), ours.stream("<county>"), ours.record("<alert_id>"), ours.record("<alert_id>", "<county>"),
        ours.open_set(), ours.open_set("<county>"), ours.hints(), ours.hints("<county>"),
    }  # fmt: skip

    missing = {name for name in table if f"`{name}`" not in PAGE.split("## The rule")[0]}
    assert missing == set()


def test_the_rights_of_a_county_are_those_on_the_page() -> None:
    (said,) = [block for block in blocks("text") if "ACL SETUSER" in block]

    assert said.split()[:5] == ["ACL", "SETUSER", "county-620102", "on", "><password>"]
    assert sorted(said.split()[5:]) == sorted(county_access("620102"))


def test_the_receipt_on_the_page_is_one() -> None:
    (receipt,) = blocks("json")

    assert read_receipt(receipt.encode()).state == "delivered"
    assert set(msgspec.json.decode(receipt)) == set(Receipt.__struct_fields__)


@pytest.mark.integration
def test_what_has_ended_leaves_the_file_when_told(redis_url: str, tmp_path: Path) -> None:
    reader = revision_reader(redis_url, file=str(tmp_path / "place"))
    part = RedisAlertSink(redis_url, Metrics()).build_part("redis", "feed", None)
    for name, state, at in (("old", "closed", 0), ("late", "closed", 1_790_000_000), ("open", "open", 0)):
        part.write_batch([[a_revision(name, 1, from_us(at * 1_000_000), state=state)]])
    part.close()
    assert len(reader.read()) == 3
    reader.close()

    (statement,) = blocks("sql")
    with contextlib.closing(sqlite3.connect(tmp_path / "place")) as file:
        file.execute(statement)
        assert file.execute("SELECT alert_id FROM alerts ORDER BY 1").fetchall() == [("late",), ("open",)]
