"""A subscriber has every revision once, says what it has, and outlives being cut off and killed."""

from __future__ import annotations

import ast
import contextlib
import io
import random
import re
import shutil
import sqlite3
import threading
import tokenize
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_server import ClickHouseServer
from forker import Forker
from live_flow import wait_until
from revisions import a_revision
from subscribing import nobody, revision_reader

from alerts.model import Region, Revision, Route
from connectors import subscriber as subscriber_file
from connectors.clickhouse import Pool
from connectors.clickhouse_published import revisions_between
from connectors.clickhouse_rows import columns_of
from connectors.clickhouse_schema import FOR_EVER
from connectors.redis import RedisAlertWriter
from connectors.subscriber import Subscriber

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
COUNTIES = ("620102", "620103")


class Feed:
    """Numbers revisions as the flow does: alerts open, go on, move to the other county and close."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._places: dict[str, int] = {}
        self._last: dict[str, Revision] = {}
        self.issued: list[Revision] = []

    def next(self, count: int = 1) -> list[Revision]:
        return [self.say(f"a{self._chance.randrange(40)}") for _ in range(count)]

    def say(self, alert_id: str, county: str = "", state: str = "") -> Revision:
        """The next revision of an alert."""
        before = self._last.get(alert_id)
        now = county or (COUNTIES[self._chance.random() < 0.5] if self._chance.random() < 0.1 or not before else "")
        feed = f"alerts:{now}" if now else str(before and before.route.feed)
        feeds = dict.fromkeys([feed, before.route.feed if before else feed], 0)
        number, seq = (before.revision if before else 0) + 1, len(self.issued) + 1
        said = a_revision(
            alert_id,
            number,
            AT + timedelta(seconds=seq),
            state=state or self._chance.choice(["open", "open", "acked", "closed"]),
            content_hash=f"{alert_id}-{number}",
            engine_epoch=1,
            region=Region(county=feed.removeprefix("alerts:")),
            route=Route(feed=feed),
            feed_seq=seq,
            feed_seqs={name: self._place(name) for name in feeds},
        )
        self._last[alert_id] = said
        self.issued.append(said)
        return said

    def _place(self, feed: str) -> int:
        self._places[feed] = self._places.get(feed, 0) + 1
        return self._places[feed]

    def of(self, feed: str) -> list[Revision]:
        """What stands in a feed."""
        return [each for each in self.issued if feed == "alerts:all" or feed in each.feed_seqs]

    def fill(self, feed: str) -> Any:
        """Gives what is missing, as the pool does."""

        def between(after: int, before: int) -> Iterator[Any]:
            for each in self.of(feed):
                if after < (each.feed_seq if feed == "alerts:all" else each.feed_seqs[feed]) < before:
                    yield msgspec.to_builtins(each)

        return between


def places(revisions: list[Revision]) -> list[int]:
    return [each.feed_seq for each in revisions]


def test_it_gives_every_revision_once_and_knows_that_it_is_whole(redis_url: str, writer: RedisAlertWriter) -> None:
    feed, reader = Feed(), revision_reader(redis_url)
    assert (reader.read(), reader.is_whole, reader.place[1]) == ([], True, 0)

    writer.write_batch([feed.next(50)])
    assert reader.read(count=20) + reader.read() == feed.issued
    writer.write_batch([feed.next(10)])

    assert reader.read() == feed.issued[50:]
    assert reader.read() == []
    assert (reader.is_whole, reader.place[1], reader.duplicates) == (True, 60, 0)
    assert reader.alerts() == {each.alert_id: each for each in feed.issued}


def test_a_county_has_its_own_alerts_and_those_that_leave_say_so(redis_url: str, writer: RedisAlertWriter) -> None:
    feed, reader = Feed(), revision_reader(redis_url, "620102")
    stays, leaves = feed.say("stays", "620102", "open"), feed.say("leaves", "620102", "open")
    feed.say("other", "620103", "open")
    left = feed.say("leaves", "620103", "open")
    writer.write_batch([feed.issued])

    assert reader.read() == [stays, leaves, left]
    assert reader.alerts() == {"stays": stays}
    assert (reader.is_whole, reader.place[1]) == (True, 3)


def test_what_comes_again_or_behind_says_nothing(redis_url: str, writer: RedisAlertWriter, client: Any) -> None:
    feed, reader = Feed(), revision_reader(redis_url)
    first, second = feed.say("a", "620102", "open"), feed.say("a", "620102", "open")
    writer.write_batch([[first, second]])
    reader.read()
    for _, fields in client.xrange("alerts:all"):
        client.xadd("alerts:all", fields)
    later_life = msgspec.structs.replace(second, engine_epoch=2, content_hash="other")
    writer.write_batch([[later_life]])
    client.xadd("alerts:all", client.xrange("alerts:all")[0][1])

    assert reader.read() == [later_life]
    assert (reader.duplicates, reader.alerts()) == (3, {"a": later_life})
    assert (reader.is_whole, reader.place[1]) == (True, 2)


def test_only_open_is_what_is_open_or_acked(redis_url: str, writer: RedisAlertWriter) -> None:
    feed, reader = Feed(), revision_reader(redis_url)
    writer.write_batch([[feed.say(state, "620102", state) for state in ("open", "acked", "closed", "retracted")]])
    reader.read()

    assert set(reader.alerts(only_open=True)) == {"open", "acked"}


@pytest.mark.parametrize("name", ["alerts:all", "alerts:620102"])
def test_a_hole_is_filled_in_its_place(redis_url: str, writer: RedisAlertWriter, client: Any, name: str) -> None:
    feed = Feed()
    county = "" if name == "alerts:all" else "620102"
    reader = revision_reader(redis_url, county, fill=feed.fill(name))
    writer.write_batch([feed.next(30)])
    said = reader.read()
    writer.write_batch([feed.next(30)])
    client.xtrim(name, maxlen=0, approximate=False)
    writer.write_batch([feed.next(30)])

    said += reader.read()

    assert said == feed.of(name)
    assert (reader.is_whole, reader.place[1]) == (True, len(said))


def test_a_hole_at_the_end_is_found_when_nothing_comes(redis_url: str, writer: RedisAlertWriter, client: Any) -> None:
    feed, known = Feed(), Feed()
    reader = revision_reader(redis_url, fill=known.fill("alerts:all"))
    writer.write_batch([feed.next(30)])
    known.next(20)
    client.xtrim("alerts:all", maxlen=0, approximate=False)

    assert places(reader.read()) == [*range(1, 21)]  # the pool was a little behind
    known.next(10)
    assert places(reader.read()) == [*range(21, 31)]
    assert reader.read() == []
    assert (reader.is_whole, reader.place[1]) == (True, 30)
    writer.write_batch([feed.next(1)])
    assert places(reader.read()) == [31]
    assert reader.is_whole


def test_while_nobody_can_fill_a_hole_it_waits_before_it(redis_url: str, writer: RedisAlertWriter, client: Any) -> None:
    feed, known = Feed(), Feed()  # the pool is behind
    reader = revision_reader(redis_url, fill=known.fill("alerts:all"))
    writer.write_batch([feed.next(30)])
    client.xtrim("alerts:all", maxlen=10, approximate=False)
    known.next(12)

    assert places(reader.read()) == [*range(1, 13)]
    assert (reader.read(), reader.is_whole, reader.place[1]) == ([], False, 12)
    assert reader.alerts() == {each.alert_id: each for each in feed.issued[:12]}

    known.next(8)
    assert places(reader.read()) == [*range(13, 31)]
    assert reader.is_whole


def test_a_hole_that_nobody_can_fill_keeps_nothing_back_that_stands_before_it(
    redis_url: str, writer: RedisAlertWriter, client: Any
) -> None:
    feed, reader = Feed(), revision_reader(redis_url)
    writer.write_batch([feed.next(20)])
    client.xdel("alerts:all", client.xrange("alerts:all")[10][0])

    assert (places(reader.read()), reader.is_whole) == ([*range(1, 11)], False)
    assert (reader.read(), reader.is_whole, reader.place[1]) == ([], False, 10)


def test_a_fill_that_fails_changes_nothing(redis_url: str, writer: RedisAlertWriter, client: Any) -> None:
    feed, away, asked = Feed(), [OSError("away")], []

    def fill(after: int, before: int) -> Iterator[Any]:
        asked.append((after, before))
        yield from feed.fill("alerts:all")(after, 5)
        if away:
            raise away.pop()
        yield from feed.fill("alerts:all")(4, before)

    reader = revision_reader(redis_url, fill=fill)
    writer.write_batch([feed.next(20)])
    client.xtrim("alerts:all", maxlen=10, approximate=False)

    with pytest.raises(OSError, match="away"):
        reader.read()
    assert (reader.alerts(), reader.place) == ({}, ("0-0", 0))
    assert (reader.read(), reader.is_whole) == (feed.issued, True)
    assert asked == [(0, 11), (0, 11)]


def test_numbers_that_begin_again_lose_nothing(redis_url: str, writer: RedisAlertWriter) -> None:
    old, new, reader = Feed(), Feed(), revision_reader(redis_url)
    writer.write_batch([old.next(30)])
    reader.read()
    for name in ("other", "another"):
        lately = msgspec.structs.replace(new.say(name, "620102", "open"), published_at=datetime.now(UTC))
        writer.write_batch([[lately]])  # else the feed takes it for what it said long ago

    assert sorted(each.alert_id for each in reader.read()) == ["another", "other"]
    writer.write_batch([[new.say("other", "620102", "closed")]])
    assert len(reader.read()) == 1


def test_an_emptied_redis_takes_nothing_away_from_who_can_fill(
    redis_url: str, writer: RedisAlertWriter, client: Any
) -> None:
    feed = Feed()
    reader = revision_reader(redis_url, fill=feed.fill("alerts:all"))
    writer.write_batch([feed.next(30)])
    reader.read()
    client.flushall()
    assert (reader.read(), reader.is_whole) == ([], True)
    feed.next(10)
    writer.write_batch([feed.next(10)])

    assert places(reader.read()) == [*range(31, 51)]
    assert (reader.is_whole, reader.alerts()) == (True, {each.alert_id: each for each in feed.issued})


def test_a_reader_that_waits_gets_what_comes(redis_url: str, writer: RedisAlertWriter) -> None:
    feed, reader = Feed(), revision_reader(redis_url)
    late = threading.Timer(0.05, lambda: writer.write_batch([feed.next()]))
    late.start()

    said = reader.read(wait_seconds=5)
    late.join()

    assert said == feed.issued


def test_a_handler_that_fails_gets_the_same_again(redis_url: str, writer: RedisAlertWriter, tmp_path: Path) -> None:
    feed, told = Feed(), []
    writer.write_batch([feed.next(10)])
    reader = revision_reader(redis_url, file=str(tmp_path / "place"))

    def fails_at_five(revision: Revision) -> None:
        told.append(revision)
        if len(told) == 5:
            raise OSError("away")

    with pytest.raises(OSError, match="away"):
        reader.read(handle=fails_at_five)
    reader.close()
    again = revision_reader(redis_url, file=str(tmp_path / "place"))

    assert again.read(handle=told.append) == feed.issued
    assert told == feed.issued[:5] + feed.issued
    assert again.read() == []


def test_readers_of_several_feeds_share_a_file(redis_url: str, writer: RedisAlertWriter, tmp_path: Path) -> None:
    feed, file = Feed(), str(tmp_path / "place")
    writer.write_batch([feed.next(60)])
    for name in ("alerts:all", "alerts:620102"):
        reader = revision_reader(redis_url, name.removeprefix("alerts:").removeprefix("all"), file=file)
        assert reader.read() == feed.of(name)
        reader.close()

    again = revision_reader(redis_url, file=file)
    assert (again.place[1], again.read()) == (60, [])
    assert again.alerts() == {each.alert_id: each for each in feed.issued}


def test_a_stranger_reads_it_in_three_minutes() -> None:
    assert len(code_lines(Path(subscriber_file.__file__).read_text(encoding="utf-8"))) <= 60


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: no blanks, comments and docstrings."""
    trivia = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in trivia:
            found |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


# ---------------------------------------------------------------- the page's example, killed a hundred times

PAGE = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
KILLS = 100


class Followers:
    """The program of the page for `alerts:all` and for one county, each killed and started again at will."""

    def __init__(self, folder: Path, redis_url: str, dsn: str) -> None:
        (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        self.folder = folder
        slow = program.replace("    told = ", "    time.sleep(0.004)\n    told = ")  # to be killed in the middle of it
        assert slow != program
        (folder / "follow.py").write_text(slow, encoding="utf-8")
        shutil.copy(str(subscriber_file.__file__), folder / "subscriber.py")  # one file to copy
        address = re.sub(r"/(\w+)$", r"/?database=\1", dsn)
        self._environment = {"REDIS": redis_url, "CLICKHOUSE": address}
        self._forker = Forker("redis", "sqlite3", "urllib.request")
        self._running: dict[str, int] = {}
        self.killed_in_the_middle = 0
        for county in ("", "620102"):
            self.start(county)

    def start(self, county: str) -> None:
        environment = {**self._environment, "COUNTY": county, "FILE": str(self.file(county))}
        self._running[county] = self._forker.start(self.folder / "follow.py", environment, self._said(county))

    def kill(self, county: str) -> None:
        self._forker.kill(self._running[county])
        self.killed_in_the_middle += self._journal(county).exists()

    def file(self, county: str) -> Path:
        return self.folder / f"{county or 'all'}.sqlite"

    def _said(self, county: str) -> Path:
        return self.folder / f"{county or 'all'}.said"

    def last_word(self, county: str) -> str:
        """What it says of itself."""
        return (self._said(county).read_text().splitlines() or [""])[-1]

    def told(self, county: str) -> list[tuple[str, int, str]]:
        """What was handled, in order."""
        with contextlib.closing(sqlite3.connect(self.file(county))) as file:
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'told'").fetchall():
                return []
            return file.execute("SELECT alert_id, revision, content_hash FROM told ORDER BY rowid").fetchall()

    def is_at_work(self, county: str) -> bool:
        """Whether it is between taking something and having it."""
        return self._journal(county).exists()

    def has_said(self, county: str) -> bool:
        """Whether this life has come so far as to say something."""
        return bool(self.last_word(county))

    def _journal(self, county: str) -> Path:
        return self.folder / f"{county or 'all'}.sqlite-journal"

    def stop(self) -> None:
        self._forker.close()


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouseServer]:
    with ClickHouseServer(tmp_path / "server") as server:
        yield server


def check(followers: Followers, county: str, feed: Feed, pool: Pool, redis_url: str) -> None:
    """What it has is what the pool has, each revision handled once and in order, and it knows."""
    name = f"alerts:{county or 'all'}"
    wanted = list(revisions_between(pool, name, 0))
    assert wanted == feed.of(name)
    wait_until(lambda: followers.last_word(county) == f"{len(wanted)} whole", f"{name} must be read to its end")
    assert followers.told(county) == [(r.alert_id, r.revision, r.content_hash) for r in wanted]
    reader = Subscriber(redis_url, nobody, county, str(followers.file(county)))
    has = {(each["alert_id"], each["revision"], each["content_hash"]) for each in reader.alerts().values()}
    reader.close()
    rows = pool.alerts(county=county, limit=1000)
    assert has == {(row["alert_id"], row["revision"], row["content_hash"]) for row in rows}


def test_a_subscriber_that_is_cut_off_and_killed_a_hundred_times_has_what_clickhouse_has(
    redis_url: str, writer: RedisAlertWriter, client: Any, clickhouse: ClickHouseServer, tmp_path: Path
) -> None:
    chance, feed, faults = random.Random(11), Feed(), 0
    late: list[Revision] = []  # the pool is a little behind
    with Pool(clickhouse.dsn) as pool:
        pool.migrate(FOR_EVER)
        followers = Followers(tmp_path, redis_url, clickhouse.dsn)
        try:
            for _ in range(KILLS // 2):
                said = feed.next(chance.randint(10, 50))
                writer.write_batch([[*feed.issued[-40:-30], *said]])  # some of it again
                late += said
                if chance.random() < 0.3:
                    client.client_kill_filter(_type="normal", skipme=True)
                if chance.random() < 0.3:
                    client.xtrim(chance.choice(["alerts:all", "alerts:620102"]), maxlen=0, approximate=False)
                    faults += 1
                if chance.random() < 0.5:
                    pool._client.insert("alert_revisions", *columns_of(late))
                    late = []
                for county in ("", "620102"):
                    moment = chance.choice([followers.is_at_work, followers.has_said])
                    wait_until(
                        lambda c=county, m=moment: m(c) or followers.has_said(c), "a life must come to something"
                    )
                    followers.kill(county)
                    followers.start(county)
            pool._client.insert("alert_revisions", *columns_of([*late, *feed.issued[-1:]]))

            for county in ("", "620102"):
                check(followers, county, feed, pool, redis_url)
            assert followers.killed_in_the_middle > 20
            assert faults > 10
            assert len(feed.issued) > 1000
        finally:
            followers.stop()
