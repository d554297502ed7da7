"""The pool's sink through what happens to servers: refused, hung, killed, away at the start; and to itself."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_server import MEMORY_LIMIT, TOO_MANY_PARTS, UNAVAILABLE, ClickHouseServer
from pool_copy import copy_pool
from revisions import a_revision

from alerts.model import DeadLetter, Event, LateEvent, Link, MatterLink, PooledEvent, Receipt, RuleGap
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_schema import FOR_EVER
from connectors.clickhouse_server import DATA
from connectors.clickhouse_spool import decode_rows, encode_rows
from connectors.clickhouse_writer import Pace, PoolWriter, state_of
from connectors.journal import JournalError
from connectors.metrics import Metrics

AT = datetime(2024, 4, 16, 8, 0, tzinfo=UTC)
QUICK = Pace(batch_rows=50, flush_seconds=0, refresh_seconds=0.2)


def event(number: int, matter: str = "m") -> PooledEvent:
    made = Event(
        id=f"police/{number}/received/1",
        channel="police",
        action="received",
        occurred_at=AT + timedelta(minutes=number),
        region="620102001001",
        category="dispute",
    )
    return PooledEvent(made, matter, arrived_at=made.occurred_at, source="test:1")


def until(claim: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "the condition did not come true in time"


class Bench:
    """A server of its own with tables, and one writer after another on it."""

    def __init__(self, folder: Path) -> None:
        self.server = ClickHouseServer(folder / "clickhouse")
        self.spool = folder / "spool"
        self.metrics = Metrics()
        self.writers: list[PoolWriter] = []

    def writer(self, saved: bytes | None = None, pace: Pace = QUICK) -> PoolWriter:
        self.sink = PoolSink(self.server.dsn, self.metrics, pace=pace, spool=self.spool)
        self.writers.append(self.sink.build_part("pool", "pool", saved))
        return self.writers[-1]

    def gauge(self, name: str) -> float:
        return self.metrics.value(f"anlan_{name}", sink="pool")

    def holds(self, events: int) -> None:
        with Pool(self.server.dsn) as pool:
            assert pool.count_events() == events
            assert pool.recount_check() == []


@pytest.fixture
def bench(tmp_path: Path, pool_folder: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    copy_pool(pool_folder, bench.server.folder / DATA)
    with bench.server:
        with Pool(bench.server.dsn) as pool:
            pool.migrate(FOR_EVER)
        yield bench
        for writer in bench.writers:
            writer.spool.abandon()
        bench.server.kill()


def refusing(code: int) -> Callable[[ClickHouseServer, bool], None]:
    return lambda server, on: server.refuse(code) if on else server.accept()


def killed(server: ClickHouseServer, on: bool) -> None:
    server.kill() if on else server.start()


def hung(server: ClickHouseServer, on: bool) -> None:
    server.hang() if on else server.wake()


@pytest.mark.integration
@pytest.mark.parametrize(
    "trouble",
    [refusing(TOO_MANY_PARTS), refusing(MEMORY_LIMIT), refusing(UNAVAILABLE), killed, hung],
    ids=["too many parts", "no memory", "503", "killed", "hung"],
)
def test_what_a_server_that_is_away_missed_is_caught_up(
    bench: Bench, trouble: Callable[[ClickHouseServer, bool], None]
) -> None:
    writer = bench.writer()
    writer.write_batch([[event(n) for n in range(100)]])
    writer.spool.flush()
    trouble(bench.server, True)
    began = time.monotonic()
    for start in range(100, 2000, 100):
        writer.write_batch([[event(n) for n in range(start, start + 100)]])
        writer.snapshot()
    held = time.monotonic() - began
    assert bench.gauge("rows_spooled_count") == 1900
    trouble(bench.server, False)
    writer.write_batch([[event(n, "better") for n in range(50)]])
    writer.spool.flush()
    writer.close()

    assert held < 15
    bench.holds(2000)
    with Pool(bench.server.dsn) as pool:
        assert pool.rows("SELECT count() AS n FROM events FINAL WHERE matter = 'better'") == [{"n": 50}]


@pytest.mark.integration
def test_a_flow_that_starts_while_the_pool_is_away_goes_on(bench: Bench) -> None:
    bench.server.kill()
    writer = bench.writer()
    writer.write_batch([[event(1)]])
    saved = writer.snapshot()
    writer.spool.abandon()
    bench.server.start()

    again = bench.writer(saved)
    again.spool.flush()
    again.close()

    bench.holds(1)


@pytest.mark.integration
def test_a_pool_is_away_until_it_has_answered_in_this_life_though_nothing_was_sent(bench: Bench) -> None:
    bench.writer()
    until(lambda: not bench.sink.is_away())
    bench.server.kill()

    bench.writer()
    assert bench.sink.is_away()
    until(lambda: bench.gauge("sink_away_state") == 1)
    assert bench.sink.is_away()
    bench.server.start()
    until(lambda: not bench.sink.is_away())
    assert bench.gauge("sink_away_state") == 0


@pytest.mark.integration
def test_hours_that_could_not_be_recounted_are_in_the_snapshot(bench: Bench) -> None:
    writer = bench.writer(pace=Pace(batch_rows=50, flush_seconds=0, refresh_seconds=3600))
    writer.write_batch([[event(1), event(100)]])
    writer.spool.flush()
    bench.server.kill()
    saved = writer.snapshot()
    assert len(state_of(saved).hours) == 2
    writer.recounting.close(5)
    assert len(state_of(writer.snapshot()).hours) == 2
    bench.server.start()

    bench.writer(saved).close()

    bench.holds(2)


@pytest.mark.integration
def test_hours_that_could_not_be_recounted_are_when_the_server_is_back(bench: Bench) -> None:
    bench.writer(pace=Pace(flush_seconds=0, refresh_seconds=3600)).write_batch([[event(1)]])
    bench.writers[0].spool.flush()
    hours = bench.writers[0].recounting.hours()
    writer = bench.writer(pace=Pace(refresh_seconds=0.05))
    refresh, tried = writer.recounting._recounter.refresh, list[set[int]]()
    writer.recounting._recounter.refresh = lambda hours: (tried.append(hours), refresh(hours))[1]  # type: ignore[method-assign]
    bench.server.kill()
    writer.recounting.touch(set(hours))
    until(lambda: len(tried) >= 2)
    bench.server.start()
    until(lambda: not writer.recounting.hours())

    bench.holds(1)


@pytest.mark.integration
def test_a_wrong_table_stops_the_flow_although_there_is_a_spool(bench: Bench) -> None:
    with Pool(bench.server.dsn) as pool:
        pool.rows("DROP TABLE events")
    writer = bench.writer()
    writer.write_batch([[event(1)]])

    with pytest.raises(RuntimeError, match=r"pool must take its rows; got `.*events.*`; mend it and start again"):
        writer.spool.flush()


A_LIFE = """
import sys, time
from pathlib import Path
from connectors.clickhouse import PoolSink
from connectors.metrics import Metrics
from tests.connectors.test_clickhouse_writer import QUICK, event

dsn, folder = sys.argv[1], Path(sys.argv[2])
saved_in = folder / "saved"
saved, begun = None, 0
if saved_in.exists():
    number, saved = saved_in.read_bytes().split(b"|", 1)
    begun = int(number)
out = PoolSink(dsn, Metrics(), pace=QUICK, spool=folder / "spool").build_part("pool", "pool", saved)
for at in range(begun, 3000, 20):
    moved = [event(n, "better") for n in range(at - 40, at) if n > 0]
    out.write_batch([[event(n) for n in range(at, at + 20)], moved])
    if at % 200 == 180:
        state = out.snapshot()
        (folder / "new").write_bytes(b"%d|" % (at + 20) + state)
        (folder / "new").rename(saved_in)  # the engine's own commit
        print(at, flush=True)
    time.sleep(0.002)
print("fed", flush=True)
out.spool.flush()
out.close()
print("done", flush=True)
"""


@pytest.mark.integration
def test_lives_that_are_killed_while_the_server_comes_and_goes_leave_each_event_once(
    bench: Bench, tmp_path: Path
) -> None:
    chance = random.Random(3)
    said: list[str] = []
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (root / "tests" / "support", root)))}
    for life in range(1, 20):
        if chance.random() < 0.4:
            bench.server.kill()
        command = [sys.executable, "-c", A_LIFE, bench.server.dsn, str(tmp_path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout is not None
        lines = 0 if life > 6 else chance.randint(1, 5)
        for line in child.stdout:
            said.append(line.strip())
            lines -= 1
            if not lines:
                break
            if not bench.server.is_running() and (life > 6 or "fed" in line or chance.random() < 0.5):
                bench.server.start()
        if not lines:
            child.kill()
        child.wait()
        bench.server.start()
        if said[-1] == "done":
            break

    bench.holds(3000)
    with Pool(bench.server.dsn) as pool:
        assert pool.rows("SELECT count() AS n FROM events FINAL WHERE matter = 'better'") == [{"n": 2979}]


# ---------------------------------------------------------------- what is kept


def test_rows_come_back_from_the_spool_as_they_were() -> None:
    full = event(2)
    full = msgspec.structs.replace(
        full,
        event=msgspec.structs.replace(full.event, link=Link("transfer", "a"), cues=("weapon",), attrs={"n": [1, "二"]}),
    )
    rows: list[Poolable] = [
        event(1),
        full,
        event(1, "better"),
        MatterLink("e", "m", "case", 0.5, AT + timedelta(microseconds=1), previous="old"),
        a_revision("a", 1, AT, path=({"step": 1},), due=AT, measures={"share": 0.1}),
        LateEvent("e", "rc", "police", AT, AT, AT),
        DeadLetter("d", "file:a.csv:1", "bad_time", "must have a time", AT, sealed="c2VhbA=="),
        RuleGap("rc", "police", "silent_channel", AT, AT, AT),
        Receipt("5d1f0c9e-0000-5000-8000-000000000000", 1, "duty-officer", "sms", "delivered", AT),
    ]

    assert decode_rows(encode_rows(rows)) == rows


def test_what_an_older_release_kept_is_understood() -> None:
    assert (state_of([1, 2]).hours, state_of([1, 2]).spool) == ([1, 2], None)


@pytest.mark.parametrize(
    ("saved", "sentence"),
    [
        (b"\xc1", "state of the pool's sink must be readable; got .*; set the state folder aside"),
        (msgspec.msgpack.encode((9, [], None)), "state of the pool's sink must have version 1; got 9; set the state"),
    ],
    ids=["no state", "version"],
)
def test_another_state_is_refused(saved: Any, sentence: str) -> None:
    with pytest.raises(JournalError, match=sentence):
        state_of(saved)
