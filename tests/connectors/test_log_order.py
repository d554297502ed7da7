"""The order of the intake log is one, however its partitions are read, cut and read again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Arrival, Event, Slice
from connectors.log_order import LogOrder, LogPosition

Record = tuple[int, bool]  # stamp, is it an event
Log = list[list[Record]]  # for each partition its records; the offset is the index
Read = tuple[int, int]  # partition, how many records of it are read next


def event(name: str, arrived_us: int) -> Arrival:
    return Arrival(Event(name, "police", "received", datetime(2026, 1, 1, tzinfo=UTC)), arrived_us)


@st.composite
def written_logs(draw: st.DrawFn) -> Log:
    """What one intake writes: stamps rise over all partitions, a tick stands in every partition."""
    log: Log = [[] for _ in range(draw(st.integers(1, 4)))]
    now = 0
    for place in draw(st.lists(st.integers(-1, len(log) - 1), max_size=40)):
        now += draw(st.integers(1, 3))
        for partition in range(len(log)) if place < 0 else [place]:
            log[partition].append((now, place >= 0))
    return log


# two writers overlap, clocks go back: whatever stands in the log, its order must be one
unruly_logs = st.lists(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=12), min_size=1, max_size=4)
logs = st.one_of(written_logs(), unruly_logs)


@st.composite
def logs_and_reads(draw: st.DrawFn) -> tuple[Log, list[Read]]:
    log = draw(logs)
    return log, draw(st.lists(st.tuples(st.integers(0, len(log) - 1), st.integers(1, 4)), max_size=40))


def by_definition(log: Log) -> list[tuple[int, str]]:
    """All events of a log in order, with their arrivals: the slow and obvious way."""
    entries = []
    for partition, records in enumerate(log):
        last = 0
        for offset, (stamp, is_event) in enumerate(records):
            last = max(stamp, last + 1)
            entries.append((last, partition, offset, is_event))
    return [(at, f"{partition}/{offset}") for at, partition, offset, is_event in sorted(entries) if is_event]


def frontier(log: Log, taken: list[int]) -> int:
    """The instant up to which these first records of each partition are all there is."""
    lasts = []
    for records, count in zip(log, taken, strict=True):
        last = 0
        for stamp, _ in records[:count]:
            last = max(stamp, last + 1)
        lasts.append(last)
    return min(lasts)


class Reading:
    """Reads a log in some interleaving and remembers what came out."""

    def __init__(self, log: Log, start: LogPosition | None = None) -> None:
        self.log = log
        self.order = LogOrder(range(len(log)), start)
        offsets = start[1] if start else {}
        self.taken = [max(0, offsets.get(partition, 0)) for partition in range(len(log))]
        self.slices: list[Slice] = []

    def read(self, reads: Iterable[Read]) -> None:
        for partition, count in reads:
            for offset in range(self.taken[partition], min(self.taken[partition] + count, len(self.log[partition]))):
                stamp, is_event = self.log[partition][offset]
                arrival = event(f"{partition}/{offset}", stamp) if is_event else None
                self.order.take(partition, offset, stamp, arrival)
                self.taken[partition] = offset + 1
            self.keep(self.order.release())

    def read_the_rest(self) -> None:
        self.read((partition, len(records)) for partition, records in enumerate(self.log))
        self.keep(self.order.release_all())

    def keep(self, released: Slice | None) -> None:
        if released is not None:
            self.slices.append(released)

    @property
    def came_out(self) -> list[tuple[int, str]]:
        return [(arrival.arrived_us, arrival.event.id) for s in self.slices for arrival in s.arrivals]


@given(logs_and_reads())
def test_any_interleaving_of_reads_gives_the_same_order(case: tuple[Log, list[Read]]) -> None:
    log, reads = case
    reading = Reading(log)

    reading.read(reads)
    reading.read_the_rest()

    assert reading.came_out == by_definition(log)


@given(logs_and_reads())
def test_exactly_what_is_complete_is_released(case: tuple[Log, list[Read]]) -> None:
    log, reads = case
    reading = Reading(log)

    reading.read(reads)

    complete = frontier(log, reading.taken)
    assert reading.came_out == [(at, name) for at, name in by_definition(log) if at <= complete]
    assert reading.order.position()[0] == complete


@given(logs_and_reads())
def test_the_clock_rises_and_nothing_at_or_before_it_follows(case: tuple[Log, list[Read]]) -> None:
    log, reads = case
    reading = Reading(log)

    reading.read(reads)
    reading.read_the_rest()

    clocks = [0, *(s.clock_us for s in reading.slices)]
    assert clocks == sorted(set(clocks))
    for before, s in zip(clocks, reading.slices, strict=False):
        assert all(before < arrival.arrived_us <= s.clock_us for arrival in s.arrivals)


@given(logs_and_reads(), st.data())
def test_a_restart_anywhere_repeats_nothing_and_loses_nothing(
    case: tuple[Log, list[Read]], data: st.DataObject
) -> None:
    log, reads = case
    cut = data.draw(st.integers(0, len(reads)))
    first = Reading(log)
    first.read(reads[:cut])
    second = Reading(log, first.order.position())

    second.read(reads[cut:])
    second.read_the_rest()

    assert first.came_out + second.came_out == by_definition(log)


@given(written_logs())
def test_the_stamps_of_one_writer_are_kept(log: Log) -> None:
    reading = Reading(log)

    reading.read_the_rest()

    stamps = {f"{p}/{o}": stamp for p, records in enumerate(log) for o, (stamp, _) in enumerate(records)}
    assert all(stamps[name] == at for at, name in reading.came_out)


def test_a_record_waits_for_a_partition_that_has_shown_nothing() -> None:
    order = LogOrder([0, 1])
    order.take(0, 0, 10, event("a", 10))

    before = order.release()
    order.take(1, 0, 10, None)
    after = order.release()

    assert before is None
    assert after is not None
    assert after.clock_us == 10
    assert [arrival.event.id for arrival in after.arrivals] == ["a"]


def test_a_record_that_comes_twice_is_taken_once() -> None:
    order = LogOrder([0])
    for offset, stamp in [(0, 5), (1, 6), (0, 5), (1, 6), (2, 7)]:
        order.take(0, offset, stamp, event(str(offset), stamp))

    released = order.release()

    assert released is not None
    assert [arrival.event.id for arrival in released.arrivals] == ["0", "1", "2"]


@pytest.mark.parametrize("partitions", [1, 3])
def test_ticks_alone_move_the_clock(partitions: int) -> None:
    order = LogOrder(range(partitions))
    for partition in range(partitions):
        order.take(partition, 0, 1_000_000, None)

    assert order.release() == Slice(1_000_000, [])
    assert order.release() is None


def test_after_the_end_of_a_log_its_clock_still_only_rises() -> None:
    order = LogOrder([0, 1])
    order.take(0, 0, 10, event("a", 10))
    order.release_all()
    order.take(1, 0, 9, event("b", 9))
    order.take(0, 1, 12, None)

    released = order.release()

    assert released is not None
    assert [(arrival.arrived_us, arrival.event.id) for arrival in released.arrivals] == [(11, "b")]
