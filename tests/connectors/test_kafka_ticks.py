"""Ticks come as the machine's clock goes, whatever it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event as Flag

import pytest
from broker_talk import NOON, Clock

from alerts.model import ReadUp, Tick, from_us
from connectors.kafka import TickSource


def test_ticks_come_each_second_and_stop_when_told() -> None:
    clock, stop = Clock(), Flag()
    part = TickSource(clock, stop).build_part("s", "ticks", None)
    steps = [0, 999_999, 1, 5_000_000, 10, -60_000_000]
    came = []

    for step in steps:
        clock.now_us += step
        came.append([tick.at for tick in part.next_batch() if isinstance(tick, Tick)])
    stop.set()

    assert [len(ticks) for ticks in came] == [1, 0, 1, 1, 0, 1]
    assert came[2] == [from_us(NOON + 1_000_000)]
    assert part.next_awake() - datetime.now(UTC) < timedelta(milliseconds=20)
    with pytest.raises(StopIteration):
        part.next_batch()


def test_the_channels_whose_queues_are_read_up_are_said_when_they_are_others_than_before() -> None:
    clock, stop = Clock(), Flag()
    now: list[tuple[str, ...]] = [(), ("police",), ("police",), ("hotline", "police"), ()]
    part = TickSource(clock, stop, read_up=lambda: now[0]).build_part("s", "ticks", None)
    told = []
    while now:
        told += [record.channels for record in part.next_batch() if isinstance(record, ReadUp)]
        clock.now_us += 1_000_000
        now.pop(0)

    assert told == [("police",), ("hotline", "police"), ()]


def test_ticks_go_on_each_second_after_the_clock_was_set_back() -> None:
    clock = Clock()
    part = TickSource(clock, Flag()).build_part("s", "ticks", None)
    part.next_batch()
    clock.now_us -= 3_600_000_000
    came = []

    for _ in range(30):
        came.append(len(part.next_batch()))
        clock.now_us += 100_000

    assert came == [1, *[0] * 9] * 3
