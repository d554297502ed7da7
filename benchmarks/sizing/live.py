"""Live runs at several rates through Apache Kafka, Valkey and the pool: what each process uses."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.resident import resident_bytes
from benchmarks.sizing.calls import Calls
from benchmarks.sizing.stores import Stores, log_bytes, stores, through
from benchmarks.wire.installation import Installation
from connectors.apache_kafka import ApacheKafka

WARM_RATE, WARM_SECONDS = 500.0, 10.0  # before anything counts: Java compiles what it runs often
LOOK_SECONDS = 0.5
DRAIN_SECONDS = 120.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Segment(NamedTuple):
    """What was used while events came at one rate; rate 0 is nobody calls."""

    rate: float
    seconds: float
    events: int
    cpu_seconds: dict[str, float]  # by part
    resident_bytes: dict[str, int]  # at the end
    log_bytes: int  # that the intake log has grown by


class Live(NamedTuple):
    """One run."""

    segments: list[Segment]
    stores: Stores


def measured(folder: Path, rates: Sequence[float], seconds: float, rounds: int, seen: Callable[[str], None]) -> Live:
    """Run all rates in turn on new servers, several rounds of them; of each figure the median counts.

    The flow is `anlan run` with the rules that it is shipped with. Raises `RuntimeError` without Apache Kafka.
    """
    if why := ApacheKafka.missing():
        raise RuntimeError(why)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Installation(folder, ApacheKafka, as_shipped=True) as installation:
        installation.start_flow()
        calls = Calls(installation.broker.bootstrap, installation.folder / "keys" / "seal.public")
        seen("warming up")
        _segment(installation, calls, WARM_RATE, WARM_SECONDS)
        segments: dict[float, list[Segment]] = {rate: [] for rate in rates}
        for number, rate in product(range(1, rounds + 1), rates):
            seen(f"{rate:g} events/s for {seconds:g} s, round {number} of {rounds}")
            segments[rate].append(_segment(installation, calls, rate, seconds))
        calls.close()
        seen("what the stores keep")
        kept = stores(installation)
        installation.stop_flow()
    return Live([middle(each) for each in segments.values()], kept)


def _segment(installation: Installation, calls: Calls, rate: float, seconds: float) -> Segment:
    events = calls.next_events(int(rate * seconds))
    began, cpu, log = time.monotonic(), _cpu_seconds(installation), log_bytes(installation)
    calls.call(events, seconds)
    _drain(installation)
    took = time.monotonic() - began
    used = {part: after - cpu[part] for part, after in _cpu_seconds(installation).items()}
    resident = {part: resident_bytes(pid) for part, pid in installation.processes().items()}
    return Segment(rate, took, len(events), used, resident, log_bytes(installation) - log)


def middle(rounds: Sequence[Segment]) -> Segment:
    """The median of each figure by itself."""
    first = rounds[0]
    return Segment(
        first.rate,
        median(each.seconds for each in rounds),
        first.events,
        {part: median(each.cpu_seconds[part] for each in rounds) for part in first.cpu_seconds},
        {part: int(median(each.resident_bytes[part] for each in rounds)) for part in first.resident_bytes},
        int(median(each.log_bytes for each in rounds)),
    )


def _drain(installation: Installation) -> None:
    """Wait until detection has seen everything that the intake has admitted, and nothing more comes."""
    before, end = -1.0, time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < end:
        page = installation.page()
        if page is not None:
            admitted = page.total("events_admitted_total")
            if admitted == before == through(page) and page.total("rows_buffered_count") == 0:
                return
            before = admitted
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"all that was sent must be through within {DRAIN_SECONDS:g} s; got more that waits")


def _cpu_seconds(installation: Installation) -> dict[str, float]:
    """By part, that of its children that have ended included."""
    return {part: _cpu_of(pid) for part, pid in installation.processes().items()}


def _cpu_of(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, words[11:15])) / TICKS_A_SECOND
