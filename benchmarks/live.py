"""How long from a report to its alert: the real flow beside a relay that does nothing, at rising rates."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import msgspec
import redis

from benchmarks.options import Options
from benchmarks.report import Cell, Plot, Report
from benchmarks.wire.feeder import CHANNELS, Feed, Sent
from benchmarks.wire.installation import Installation, ServerKafka
from connectors.apache_kafka import VERSION, ApacheKafka
from connectors.embedded import Broker
from connectors.kafka import ensure_topics, raw_topic
from dataflows.settings import Settings

TITLE = "Live: from produce to the alert in Redis"
LOADS = ((100, 1), (1_000, 1), (1_000, 25), (5_000, 25), (10_000, 25), (20_000, 25))  # events a second, one alert in
RELAY_SECONDS = 12.0
FLOW_SECONDS = RELAY_SECONDS + Settings().snapshot_seconds  # one snapshot falls into it, or two
WARM_SECONDS = 2.0  # of each run that are not counted
WARM_UP_RATE, WARM_UP_SECONDS = 1_000, 40.0  # before the first run: a broker's virtual machine is slow until then
SETTLE_SECONDS = 180.0  # that what was sent may take until it is all there
QUIET_SECONDS = 4.0  # without anything new: then it is all there
FEWEST = 50  # marked events that a figure needs
RELAY, TWICE, FLOW = WAYS = ("relay", "relay by a log", "flow")
RELAY_PREFIX, RELAY_LOG, RELAY_STREAM, FEED_STREAM = "relay.", "relayed", "relay", "alerts:all"
GROWING = 1.5  # times as many on their way at the end as in the middle, and …
GROWING_SECONDS = 0.25  # … more than so many seconds' worth of them: then a queue builds up


class Latency(NamedTuple):
    """What one run found, in milliseconds, over the marked events."""

    p50: float
    p99: float
    p999: float
    on_way_middle: float  # seconds' worth of events that were sent and not seen, half-way
    on_way_end: float  # the same when the last was sent
    feeder_late: float

    @property
    def is_queue(self) -> bool:
        """Whether more and more were on their way."""
        return self.on_way_end > max(GROWING * self.on_way_middle, GROWING_SECONDS)


def run(options: Options) -> Report:
    """Each load through the relay and through the flow in turn on the same servers, `runs` times."""
    why_not = ApacheKafka.missing()
    broker = Broker if why_not else ServerKafka
    found: dict[tuple[str, int, int], list[Latency]] = {}
    for number, (rate, one_in) in product(range(options.runs), LOADS):
        with _servers(options.scratch / "live", broker) as installation:  # new ones: a broker slows with what it holds
            options.seen(f"warming up the servers, {WARM_UP_SECONDS:g} s, run {number + 1} of {options.runs}")
            with _carrying(installation, TWICE):
                _feed(Feed(*_topics(installation, TWICE), WARM_UP_RATE, WARM_UP_SECONDS, 1, "warm-up"))
            for way in WAYS:
                options.seen(f"{way}, {rate:,} events/s, one alert in {one_in}, run {number + 1} of {options.runs}")
                seconds = FLOW_SECONDS if way == FLOW else RELAY_SECONDS
                told = Feed(*_topics(installation, way), rate, seconds, one_in, f"{way[:5]}{rate}-{one_in}")
                with _carrying(installation, way):
                    found.setdefault((way, rate, one_in), []).append(_measured(installation, told, way))
    servers = f"The embedded broker: {why_not}." if why_not else f"Apache Kafka {VERSION}, one node."
    return _report(found, options.runs, servers)


@contextmanager
def _servers(folder: Path, broker: type[Broker | ApacheKafka] = Broker) -> Iterator[Installation]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Installation(folder, broker) as installation:
        topics = [RELAY_LOG, *(RELAY_PREFIX + channel for channel in CHANNELS)]
        ensure_topics(installation.broker.bootstrap, dict.fromkeys(topics, 1))
        yield installation


def _topics(installation: Installation, way: str) -> tuple[str, str]:
    return installation.broker.bootstrap, raw_topic("") if way == FLOW else RELAY_PREFIX


@contextmanager
def _carrying(installation: Installation, way: str) -> Iterator[None]:
    """While the block lasts, one of them carries what comes."""
    if way == FLOW:
        installation.start_flow()
        installation.wait_until(lambda page: page.total("snapshots_taken_seconds_count") > 0, "it must be saved once")
        yield
        installation.stop_flow()
        return
    servers = installation.broker.bootstrap, installation.valkey.url
    relay = _started("relay", *servers, RELAY_PREFIX, RELAY_STREAM, *([RELAY_LOG] if way == TWICE else []))
    try:
        yield
    finally:
        relay.kill()
        relay.wait()


def _started(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """One of our programs, once it says that it is ready."""
    command = [sys.executable, "-m", f"benchmarks.wire.{program}", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the {program} must start; got its end ({' '.join(command)})")
    return process


def _measured(installation: Installation, told: Feed, way: str) -> Latency:
    stream = FEED_STREAM if way == FLOW else RELAY_STREAM
    reader = _started("reader", installation.valkey.url, stream)
    began_ns = time.time_ns()
    sent = _feed(told)
    _settle(installation, stream)
    output, _ = reader.communicate(b"")
    seen = msgspec.json.decode(output, type=list[tuple[int, int]])
    return _latency([pair for pair in seen if pair[0] >= began_ns], told, sent)


def _feed(told: Feed) -> Sent:
    feeder = [sys.executable, "-m", "benchmarks.wire.feeder", *map(str, told)]
    return msgspec.json.decode(subprocess.run(feeder, stdout=subprocess.PIPE, check=True).stdout, type=Sent)


def _settle(installation: Installation, stream: str) -> None:
    """Wait until nothing more comes, or too long."""
    client: Any = redis.Redis.from_url(installation.valkey.url, protocol=2)
    before, quiet_since, end = -1, time.monotonic(), time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < min(end, quiet_since + QUIET_SECONDS):
        now = client.xinfo_stream(stream)["entries-added"] if client.exists(stream) else 0
        if now != before:
            before, quiet_since = now, time.monotonic()
        time.sleep(0.2)
    client.close()


def _latency(seen: list[tuple[int, int]], told: Feed, sent: Sent) -> Latency:
    if len(seen) < FEWEST:
        raise RuntimeError(f"marked events must be seen in Redis; got {len(seen)} ({told})")
    if again := len(seen) - len({before for before, _ in seen}):
        raise RuntimeError(f"each marked event must be seen once; got {again} seen again ({told})")
    first, last = min(before for before, _ in seen), sent.ends_ns
    counted = [(after - before) / 1e6 for before, after in seen if before >= first + WARM_SECONDS * 1e9]
    cuts = quantiles(counted, n=1_000)
    marked = sent.events // told.one_in
    middle, end = (
        (marked * part - sum(1 for _, after in seen if after <= first + (last - first) * part)) / marked * told.seconds
        for part in (0.5, 1.0)
    )
    return Latency(median(counted), cuts[989], cuts[998], middle, end, sent.late_ms)


def _report(found: dict[tuple[str, int, int], list[Latency]], count: int, broker: str) -> Report:
    shipped = Settings()
    return Report(
        title=TITLE,
        columns=(
            "events/s", "one alert in", "relay p50", "relay p99", "relay p99.9", "by a log p50", "by a log p99",
            "by a log p99.9", "flow p50", "flow p99", "flow p99.9", "p99 against the relay", "p99 against by a log",
            "on their way, middle", "on their way, end", "queue builds up",
        ),
        rows=tuple(_row(*load, *(found[way, *load] for way in WAYS)) for load in LOADS),
        notes=(
            f"Milliseconds, medians of {count} runs, the relay for {RELAY_SECONDS:g} s and the flow for"
            f" {FLOW_SECONDS:g} s in turn on the same servers; the ratios are medians of those of each run.",
            f"{broker} Four raw topics of one partition, producer linger 5 ms, settings as they come: an intake log of"
            f" {shipped.log_partitions} partitions, snapshots every {shipped.snapshot_seconds} s; Valkey with its"
            " append-only file always on disk.",
            "The relay is producer, broker, consumer, XADD. By a log: it puts all it reads into a topic and says what"
            " it reads there. It waits for the broker twice, as the flow does, which says nothing before it is in its"
            " log.",
            "On their way: seconds' worth of events that were sent and not yet seen.",
        ),
        plot=Plot("events/s", ("relay p99", "by a log p99", "flow p99"), logarithmic=True),
        details={f"{way} {rate}/s 1:{n}": [run._asdict() for run in runs] for (way, rate, n), runs in found.items()},
    )  # fmt: skip


def _row(rate: int, one_in: int, relay: list[Latency], twice: list[Latency], flow: list[Latency]) -> tuple[Cell, ...]:
    ratios = [median(ours.p99 / least.p99 for ours, least in zip(flow, runs, strict=True)) for runs in (relay, twice)]
    middle, end = (median(getattr(each, name) for each in flow) for name in ("on_way_middle", "on_way_end"))
    is_queue = median(each.is_queue for each in flow) > 0.5
    figures = [*_percentiles(relay), *_percentiles(twice), *_percentiles(flow), *ratios]
    return rate, one_in, *figures, middle, end, is_queue


def _percentiles(runs: list[Latency]) -> tuple[float, ...]:
    return tuple(median(getattr(each, name) for each in runs) for name in ("p50", "p99", "p999"))
