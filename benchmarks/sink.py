"""How many rows a second the sinks take: ClickHouse and Redis, through the flow's own sinks."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

from alerts.model import Revision
from benchmarks.options import Options
from benchmarks.report import Cell, Plot, Report
from benchmarks.sinks.rows import pooled, revisions
from connectors.child_server import ChildServer
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_server import ClickHouseServer
from connectors.clickhouse_writer import Pace, PoolWriter
from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink, RedisAlertWriter

TITLE = "Sinks: rows a second"
SIZES = {"small": (100_000, 20_000), "full": (500_000, 100_000)}  # events, revisions
BATCH = 1_000  # rows that the flow gives at once
ONE_AT_A_TIME = 2_000  # revisions, where each goes by itself
AT_THE_END = 1e9  # seconds to the next recount: they are timed by themselves
CHUNK = 300  # revisions that one call of the Redis sink holds


class Took(NamedTuple):
    """What one load cost."""

    rows: int
    wall_seconds: float
    sink_cpu: float  # of this process
    server_cpu: float


Server = TypeVar("Server", bound=ChildServer)


def run(options: Options) -> Report:
    """Every load, `runs` times in turn, on empty servers."""
    found: dict[str, list[Took]] = {}
    events, alerts = SIZES[options.size]
    for number in range(options.runs):
        folder = options.scratch / "sink"
        shutil.rmtree(folder, ignore_errors=True)
        options.seen(f"run {number + 1} of {options.runs}")
        for name, took in chain(_pool(folder, events, alerts), _redis(folder, alerts)):
            found.setdefault(name, []).append(took)
    return Report(
        title=TITLE,
        columns=("load", "rows", "rows/s", "µs CPU a row, sink", "µs CPU a row, server"),
        rows=tuple(_row(name, runs) for name, runs in found.items()),
        notes=(
            f"Medians of {options.runs} runs, each on empty servers on this machine; rows are given {BATCH} at a time"
            " and counted when the server has acknowledged them.",
            "ClickHouse is the embedded engine behind its HTTP interface, in a process of its own. Aggregates: cells"
            " of three tables that one recount of every hour writes.",
            f"Redis is Valkey. A revision is ten commands of a script that takes {CHUNK} of them: the fence, two"
            " streams, two hashes of thirty fields, two sorted sets, two hints; its record is written four times.",
        ),
        plot=Plot("load", ("rows/s",)),
        details={name: [took._asdict() for took in runs] for name, runs in found.items()},
    )  # fmt: skip


def _row(name: str, runs: Sequence[Took]) -> tuple[Cell, ...]:
    def middle(of: Callable[[Took], float]) -> float:
        return median(map(of, runs))

    return (
        name,
        runs[0].rows,
        middle(lambda took: took.rows / took.wall_seconds),
        middle(lambda took: took.sink_cpu / took.rows * 1e6),
        middle(lambda took: took.server_cpu / took.rows * 1e6),
    )


def _pool(folder: Path, events: int, alerts: int) -> Iterator[tuple[str, Took]]:
    with _started(ClickHouseServer(folder / "pool")) as server:
        with Pool(server.dsn) as pool:
            pool.migrate()
        sink = PoolSink(server.dsn, Metrics(), pace=Pace(refresh_seconds=AT_THE_END))
        writer = sink.build_part("pool", "pool", None)
        loads: dict[str, list[Poolable]] = {
            "ClickHouse: events": list(pooled(events)),
            "ClickHouse: alert revisions": list(revisions(0, alerts)),
        }
        for name, rows in loads.items():
            yield name, _took(server, len(rows), partial(_given, writer, rows))
        began = _Began(server)
        writer.close()  # with the one recount that is due
        yield "ClickHouse: aggregates", began.took(_cells(server.dsn))


def _given(writer: PoolWriter, rows: Sequence[Poolable]) -> None:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        writer.write_batch([batch])
    writer.spool.flush()


def _cells(dsn: str) -> int:
    client = PoolClient.open(dsn)
    tables = ("agg_contacts_5m", "agg_contacts_hourly", "agg_contacts_daily")
    cells = sum(int(client.value(f"SELECT count() FROM {table}")) for table in tables)
    client.close()
    return cells


def _redis(folder: Path, alerts: int) -> Iterator[tuple[str, Took]]:
    told, singly = revisions(0, alerts), revisions(alerts, ONE_AT_A_TIME)
    with _feed(folder / "durable", durable=True) as (server, writer):
        yield "Redis: revisions, on disk when answered", _took(server, alerts, partial(_told, writer, told, BATCH))
        yield "Redis: the same one by one", _took(server, len(singly), partial(_told, writer, singly, 1))
    with _feed(folder / "memory", durable=False) as (server, writer):
        yield "Redis: revisions, in memory", _took(server, alerts, partial(_told, writer, told, BATCH))


@contextmanager
def _feed(folder: Path, *, durable: bool) -> Iterator[tuple[Valkey, RedisAlertWriter]]:
    with _started(Valkey(folder, durable=durable)) as server:
        writer = RedisAlertSink(server.url, Metrics()).build_part("redis", "feed", None)
        yield server, writer
        writer.close()


def _told(writer: RedisAlertWriter, told: list[Revision], batch: int) -> None:
    for at in range(0, len(told), batch):
        writer.write_batch([told[at : at + batch]])


def _took(server: ChildServer, rows: int, load: Callable[[], None]) -> Took:
    began = _Began(server)
    load()
    return began.took(rows)


class _Began:
    """Where the clocks stood at a beginning."""

    def __init__(self, server: ChildServer) -> None:
        self._pid = server.pid
        self._at = time.monotonic(), time.process_time(), _cpu_of(self._pid)

    def took(self, rows: int) -> Took:
        """What was used since."""
        wall, own, theirs = self._at
        return Took(rows, time.monotonic() - wall, time.process_time() - own, _cpu_of(self._pid) - theirs)


def _cpu_of(pid: int) -> float:
    """CPU seconds of a process that runs, all its threads."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _started(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()
