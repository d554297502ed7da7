"""The gate before the intake log: closed while too much waits behind it, never for ever."""

from __future__ import annotations

import threading
from datetime import timedelta

import bytewax.operators as op
import pytest
from broker_talk import Clock, arrival, fill, names
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main

from alerts.model import Slice
from connectors.gate import Gate
from connectors.kafka import IntakeLogSink, Logged, LogSource, RawRecord, RawSource, TickSource, ensure_topics
from connectors.metrics import Metrics


def a_gate(limit: int, end_us: int = 0, clock_us: int = 0, metrics: Metrics | None = None) -> Gate:
    gate = Gate(limit, metrics)
    gate.log_ends_at(end_us)
    gate.read_from(clock_us)
    return gate


def test_the_gate_is_closed_while_more_than_its_limit_waits() -> None:
    metrics = Metrics()
    gate = a_gate(100, metrics=metrics)
    seen = []

    for step in ("write", "write", "read", "read"):
        if step == "write":
            gate.admitted(60, gate.waiting + 60)
        else:
            gate.passed(60, 120 - gate.waiting + 60)
        seen.append((gate.waiting, gate.is_open(), metrics.value("anlan_intake_held_state")))

    assert seen == [(60, True, 0), (120, False, 1), (60, True, 0), (0, True, 0)]


def test_ticks_count_for_nothing() -> None:
    gate = a_gate(0)

    gate.admitted(0, 1_000_000)

    assert gate.is_open()


def test_without_the_reader_or_the_writer_in_this_process_the_gate_is_open() -> None:
    without_reader, without_writer = Gate(1), Gate(1)
    without_reader.log_ends_at(0)
    without_reader.admitted(50, 50)
    without_writer.read_from(0)
    without_writer.passed(50, 50)

    assert without_reader.is_open()
    assert without_writer.is_open()


def test_what_a_reader_has_passed_already_does_not_wait() -> None:
    gate = a_gate(10)
    gate.passed(0, 1000)

    gate.admitted(50, 900)

    assert gate.waiting == 0


def test_while_detection_catches_up_a_quarter_of_what_it_reads_may_come_in() -> None:
    gate = a_gate(100, end_us=1_000_000)
    written, read, log_us = 0, 0, 1_000_000

    while read < 10_000:
        while gate.is_open():
            log_us += 10
            gate.admitted(10, log_us)
            written += 10
        read += 400
        gate.passed(400, read * 100)
        assert written <= 100 + read // 4 + 10

    assert written > 2000


def test_after_a_rebuild_under_a_flood_detection_catches_up_and_the_limit_is_back() -> None:
    """A flood that comes in whenever it may; detection that reads 100 a step, backlog first."""
    backlog, gate = 20_000, a_gate(1000, end_us=20_000)
    log_us = backlog  # an event a microsecond
    clock_us, steps = 0, 0
    waiting = []

    while steps < 1000:
        steps += 1
        if gate.is_open():
            log_us += 50
            gate.admitted(50, log_us)
        read = min(100, log_us - clock_us)
        clock_us += read
        gate.passed(read, clock_us)
        waiting.append(log_us - clock_us)

    assert max(waiting[:10]) > 19_000
    assert max(waiting[-100:]) <= 1050
    assert clock_us > backlog


# a whole flow, against a real broker


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_under_a_flood_the_log_is_never_more_than_the_limit_and_a_batch_behind(
    bootstrap: str, topic_prefix: str
) -> None:
    """Detection takes a small part of what the intake could give."""
    limit, batch, rows = 2000, 500, 30_000
    raw, log = f"{topic_prefix}raw.police", f"{topic_prefix}events.v1"
    ensure_topics(bootstrap, {raw: 2, log: 3})
    fill(bootstrap, raw, range(rows))
    stop, metrics = threading.Event(), Metrics()
    gate = Gate(limit, metrics)
    through: list[str] = []
    behind: list[int] = []

    def admit(records: list[RawRecord]) -> tuple[str, list[Logged]]:
        behind.append(gate.waiting)
        return "log", [arrival(int(record.value)) for record in records]

    def detect(cut: Slice) -> Slice:
        through.extend(names([cut]))
        behind.append(int(metrics.value("anlan_events_admitted_total", channel="police")) - len(through))
        if len(through) >= rows:
            stop.set()
        return cut

    flow = Dataflow("gated")
    taken = op.input("raw", flow, RawSource(bootstrap, [raw], stop, batch=batch, gate=gate))
    ticks = op.map("tick", op.input("ticks", flow, TickSource(Clock(), stop)), lambda tick: ("log", [tick]))
    logged = op.merge("logged", op.map("admit", taken, admit), ticks)
    op.output("log", logged, IntakeLogSink(bootstrap, Clock(), log, metrics, gate=gate))
    cuts = op.input("cuts", flow, LogSource(bootstrap, log, stop, batch=batch // 50, gate=gate))
    op.output("out", op.map("detect", cuts, detect), TestingSink([]))
    run_main(flow, epoch_interval=timedelta(milliseconds=200))

    assert sorted(int(name[1:]) for name in through) == list(range(rows))
    assert limit <= max(behind) <= limit + batch
