"""A spool loses nothing and turns nothing round, whatever its server, its disk and its own life do."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.journal import RESTARTS, DiskFullError, Journal, JournalError
from connectors.metrics import Metrics
from connectors.spool import Bounds, Server, Spool
from connectors.spool_file import SpoolFile, bodies, verify

SMALL = Bounds(chunk_rows=5, memory_rows=20)


class Other:
    """The other side: takes numbers while it is there, and can be made to hang."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.is_away = False
        self.is_wrong = False
        self.answers = threading.Event()
        self.answers.set()

    def deliver(self, items: list[int]) -> None:
        assert self.answers.wait(20)
        if self.is_away:
            raise ConnectionError("nobody there")
        if self.is_wrong:
            raise PermissionError("wrong password")
        self.taken += items

    def server(self) -> Server[int]:
        return Server(
            "redis",
            self.deliver,
            lambda error: isinstance(error, ConnectionError),
            lambda items: json.dumps(items).encode(),
            json.loads,
        )


class Bench:
    """One life of a spool after another, on one file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "spool.journal"
        self.other = Other()
        self.metrics = Metrics()
        self.spools: list[Spool[int]] = []

    def spool(self, saved: bytes | None = None, bounds: Bounds = SMALL, **options: Any) -> Spool[int]:
        file = SpoolFile(self.path, saved)
        self.spools.append(Spool(self.other.server(), bounds, self.metrics, file=file, **options))
        return self.spools[-1]

    def without_a_file(self, patience: float) -> Spool[int]:
        self.spools.append(Spool(self.other.server(), SMALL, self.metrics, patience=patience))
        return self.spools[-1]

    def gauge(self, name: str) -> float:
        return self.metrics.value(f"anlan_{name}", sink="redis")

    def crash(self) -> None:
        self.other.answers.set()
        for spool in self.spools:
            spool.abandon()
        self.spools.clear()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.crash()


def until(claim: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "the condition did not come true in time"


def once_each(taken: list[int]) -> list[int]:
    """What a reader sees that follows the rule: what comes again says nothing."""
    seen: list[int] = []
    for number in taken:
        if not seen or number > seen[-1]:
            seen.append(number)
    return seen


def test_with_a_server_that_answers_nothing_touches_the_disk(bench: Bench) -> None:
    spool = bench.spool()
    for start in range(0, 100, 10):
        spool.write(list(range(start, start + 5)), bench.other.deliver)
        spool.put(list(range(start + 5, start + 10)))
        spool.snapshot()

    assert spool.close()
    assert bench.other.taken == list(range(100))
    assert not bench.path.exists()


def test_rows_that_may_wait_wake_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time the other thread wakes, the flow gives way to it."""
    woken: list[int] = []
    spool = bench.spool(bounds=Bounds(chunk_rows=100, linger_seconds=3600.0))
    wake = spool._changed.notify_all

    def counted() -> None:
        if threading.current_thread() is threading.main_thread():
            woken.append(len(spool._rows))
        wake()

    monkeypatch.setattr(spool._changed, "notify_all", counted)
    for number in range(99):
        spool.put([number])

    assert woken == [1]
    spool.put([99])
    assert woken == [1, 100]
    until(lambda: bench.other.taken == list(range(100)))


def test_what_waits_at_a_snapshot_outlives_the_process(bench: Bench) -> None:
    bench.other.is_away = True
    spool = bench.spool()
    spool.write([1, 2], bench.other.deliver)
    spool.put([3])
    saved = spool.snapshot()
    spool.put([4])
    bench.crash()

    bench.other.is_away = False
    again = bench.spool(saved)
    again.put([4, 5])
    again.flush()

    assert bench.other.taken == [1, 2, 3, 4, 5]


def test_a_snapshot_does_not_wait_for_a_server_that_is_away(bench: Bench) -> None:
    bench.other.is_away = True
    spool = bench.spool()
    spool.write([1], bench.other.deliver)

    began = time.monotonic()
    for number in range(2, 22):
        spool.put([number])
        spool.snapshot()

    assert time.monotonic() - began < 5


def test_a_snapshot_goes_past_a_server_that_hangs(bench: Bench) -> None:
    bench.other.answers.clear()
    spool = bench.spool()
    spool.put([1, 2])
    spool.put([3])
    saved = spool.snapshot()
    assert bench.other.taken == []
    bench.crash()  # the server gets what was on its way to it, and nobody hears its answer

    bench.spool(saved).flush()

    assert bench.other.taken[-3:] == [1, 2, 3]


def test_a_snapshot_waits_for_a_slow_server_no_longer_than_for_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.spool.SETTLE_SECONDS", 1e9)  # what a full memory would wait
    bench.other.answers.clear()
    spool = bench.spool()
    spool.put([1, 2, 3])
    spool.snapshot()
    bench.other.answers.set()
    spool.flush()

    assert bench.other.taken == [1, 2, 3]


def test_what_does_not_fit_into_memory_goes_to_the_disk_before_a_snapshot(bench: Bench) -> None:
    bench.other.is_away = True
    spool = bench.spool()
    spool.write([0], bench.other.deliver)
    for number in range(1, 1000):
        spool.put([number])

    assert bench.gauge("rows_buffered_count") <= 20
    assert bench.gauge("rows_spooled_count") >= 980
    assert bench.gauge("rows_spooled_bytes") > 2000
    assert bench.gauge("sink_away_state") == 1

    bench.other.is_away = False
    spool.flush()
    assert bench.other.taken == list(range(1000))
    assert bench.gauge("rows_buffered_count") == bench.gauge("rows_spooled_count") == 0
    assert (
        bench.gauge("rows_spooled_bytes") == bench.gauge("rows_waited_seconds") == bench.gauge("sink_away_state") == 0
    )


def test_the_age_of_the_oldest_row_is_known_after_a_restart(bench: Bench) -> None:
    bench.other.is_away = True
    began = time.time()
    spool = bench.spool()
    spool.put([1])
    saved = spool.snapshot()
    bench.crash()

    bench.spool(saved)
    until(lambda: bench.gauge("rows_waited_seconds") > 0.05)

    assert bench.gauge("rows_waited_seconds") <= time.time() - began


def test_a_full_disk_bound_makes_the_flow_wait_and_says_so_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.other.is_away = True
    spool = bench.spool(bounds=Bounds(chunk_rows=5, memory_rows=20, disk_bytes=500))
    fed = list[int]()

    def feed() -> None:
        for number in range(400):
            spool.put([number])
            fed.append(number)

    flow = threading.Thread(target=feed)
    flow.start()
    until(lambda: "spool_full" in caplog.text)
    waits_at = len(fed)
    assert flow.is_alive()
    assert waits_at < 200

    bench.other.is_away = False
    flow.join(20)
    spool.flush()

    assert bench.other.taken == list(range(400))
    assert "spool_full sink=redis bytes=5" in caplog.text


def test_a_flow_that_is_asked_to_stop_waits_for_no_room(bench: Bench) -> None:
    bench.other.is_away = True
    stop = threading.Event()
    spool = bench.spool(bounds=Bounds(chunk_rows=5, memory_rows=20, disk_bytes=10), stop=stop)
    flow = threading.Thread(target=lambda: [spool.put([number]) for number in range(100)])
    flow.start()
    stop.set()

    flow.join(20)
    assert not flow.is_alive()
    saved = spool.snapshot()
    bench.crash()
    bench.other.is_away = False
    bench.spool(saved).flush()
    assert bench.other.taken == list(range(100))


def test_a_disk_without_room_makes_the_flow_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.other.is_away = True
    spool = bench.spool()
    append, refused = Journal.append, list[int]()

    def full_at_first(journal: Journal, body: bytes) -> int:
        if len(refused) < 2:
            refused.append(1)
            raise DiskFullError("journal must be there to write; got `database or disk is full`")
        return append(journal, body)

    monkeypatch.setattr(Journal, "append", full_at_first)
    spool.put([1, 2])
    saved = spool.snapshot()
    bench.crash()

    bench.other.is_away = False
    bench.spool(saved).flush()
    assert (bench.other.taken, len(refused)) == ([1, 2], 2)


def test_a_server_is_said_to_be_away_once_and_to_be_back_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "anlan.sinks")
    bench.other.is_away = True
    spool = bench.spool()
    for number in range(30):
        spool.write([number], bench.other.deliver)
    until(lambda: bench.gauge("flushes_retried_total") >= 3)
    bench.other.is_away = False
    spool.flush()

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0] == "sink_away sink=redis error=nobody there"
    assert said[1].startswith("sink_back sink=redis seconds=")
    assert said[1].endswith(" rows=30")


def test_it_goes_back_to_writing_at_once(bench: Bench) -> None:
    bench.other.is_away = True
    spool = bench.spool()
    spool.write([1], bench.other.deliver)
    bench.other.is_away = False
    spool.flush()

    quick = list[int]()
    spool.write([2], quick.extend)

    assert (bench.other.taken, quick) == ([1], [2])


@pytest.mark.parametrize("ask", ["put", "write", "snapshot", "flush", "close"])
def test_what_does_not_pass_by_itself_stops_the_flow(bench: Bench, ask: str) -> None:
    bench.other.is_wrong = True
    spool = bench.spool()
    spool.put([1])
    until(lambda: spool._error is not None)

    with pytest.raises(RuntimeError, match="redis must take its rows; got `wrong password`; mend it and start again"):
        spool.put([2]) if ask == "put" else spool.write([2], print) if ask == "write" else getattr(spool, ask)()


def test_without_a_file_patience_ends(bench: Bench) -> None:
    bench.other.is_away = True
    spool = bench.without_a_file(patience=0.1)

    with pytest.raises(RuntimeError, match="redis must take its rows; got `nobody there`"):
        spool.write([1], bench.other.deliver)


def test_without_a_file_a_snapshot_waits_for_the_server(bench: Bench) -> None:
    spool = bench.without_a_file(patience=20)
    spool.put(list(range(100)))

    assert spool.snapshot() is None
    assert bench.other.taken == list(range(100))


def test_an_orderly_end_does_not_wait_long_for_a_server_that_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.spool.CLOSE_SECONDS", 0.3)
    bench.other.is_away = True
    spool = bench.spool()
    spool.put([1])
    saved = spool.snapshot()
    began = time.monotonic()
    assert spool.close()
    assert time.monotonic() - began < 5

    bench.other.is_away = False
    bench.spool(saved).flush()
    assert bench.other.taken == [1]


def test_frames_that_no_restart_can_begin_at_are_forgotten(bench: Bench) -> None:
    spool = bench.spool()
    for number in range(10):
        bench.other.is_away = True
        spool.put([number])
        saved = spool.snapshot()
        bench.other.is_away = False
        spool.flush()
    assert bench.other.taken == list(range(10))
    assert saved is not None
    spool.snapshot()
    bench.crash()

    with Journal(bench.path) as journal:
        kept = [number for number, _ in journal.frames()]
    assert 1 <= len(kept) <= RESTARTS


def test_what_was_spooled_behind_the_snapshot_is_played_again_by_the_flow(bench: Bench) -> None:
    bench.other.is_away = True
    spool = bench.spool()
    spool.put([1])
    saved = spool.snapshot()
    for number in (2, 3, 4):
        spool.put([number])
        spool.snapshot()
    bench.crash()

    again = bench.spool(saved)
    again.put([2, 3, 4, 5])
    again.snapshot()
    bench.other.is_away = False
    again.put([6])
    again.flush()

    assert bench.other.taken == [1, 2, 3, 4, 5, 6]


def test_a_snapshot_at_which_nothing_waited_cuts_all(bench: Bench) -> None:
    spool = bench.spool()
    saved = spool.snapshot()
    bench.other.is_away = True
    spool.put([1])
    spool.snapshot()
    bench.crash()

    bench.other.is_away = False
    bench.spool(saved).flush()

    assert bench.other.taken == []


def test_a_damaged_file_in_which_nothing_waited_at_the_snapshot_is_begun_anew(bench: Bench) -> None:
    saved = saved_with_rows(bench)
    bench.other.is_away = False
    spool = bench.spool(saved)
    spool.flush()
    saved = spool.snapshot() or b""
    bench.crash()
    for part in bench.path.parent.glob(f"{bench.path.name}*"):
        part.write_bytes(b"something else, and long enough to be read as a header" * 50)

    verify(bench.path, saved)
    assert list(bodies(bench.path, saved)) == []
    bench.other.is_away = True
    spool = bench.spool(saved)
    spool.put([7])
    saved = spool.snapshot() or b""
    bench.crash()
    bench.other.is_away = False
    verify(bench.path, saved)
    bench.spool(saved).flush()
    assert bench.other.taken == [1, 2, 3, 7]


def test_without_a_snapshot_what_an_earlier_life_left_is_delivered(bench: Bench) -> None:
    """The state was set aside and the flow begins again: what waited for the server still waits."""
    bench.other.is_away = True
    spool = bench.spool()
    spool.put([1, 2])
    saved = spool.snapshot()
    bench.crash()
    spool = bench.spool(saved)
    bench.crash()

    bench.other.is_away = False
    verify(bench.path, None)
    spool = bench.spool(None)
    spool.flush()
    saved = spool.snapshot()
    assert bench.other.taken == [1, 2]
    bench.crash()
    verify(bench.path, saved)
    bench.spool(saved).flush()
    assert bench.other.taken == [1, 2]


def test_without_a_snapshot_what_the_server_has_is_not_delivered_again(bench: Bench) -> None:
    """Frames stay for a while because a restart may need them; it would put old rows over newer ones."""
    bench.other.is_away = True
    spool = bench.spool()
    spool.put([1, 2])
    spool.snapshot()
    bench.other.is_away = False
    spool.flush()
    spool.snapshot()
    bench.other.is_away = True
    spool.put([3])
    spool.snapshot()
    bench.crash()

    bench.other.is_away = False
    bench.spool(None).flush()

    assert bench.other.taken == [1, 2, 3]


# ---------------------------------------------------------------- damage


def saved_with_rows(bench: Bench) -> bytes:
    bench.other.is_away = True
    spool = bench.spool()
    spool.put([1, 2])
    spool.snapshot()
    spool.put([3])
    saved = spool.snapshot()
    bench.crash()
    assert saved is not None
    verify(bench.path, saved)
    return saved


def damaged(change: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with sqlite3.connect(path) as file:
            file.execute(change)

    return damage


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (Path.unlink, r"spool of a snapshot must be there; got no file \(.*spool.journal\); put it back, or set the"),
        (damaged("UPDATE journal SET name = 'x'"), "spool must be the one of the snapshot; got another"),
        (damaged("DELETE FROM frames WHERE number = 1"), "must hold the 2 frames .* snapshot; got 1 of them"),
        (damaged("DELETE FROM frames WHERE number = 2"), "must hold the 2 frames .* snapshot; got 1 of them"),
        (damaged("UPDATE frames SET body = x'00'"), "must be as it was written; got another checksum"),
        (
            damaged("UPDATE frames SET body = x'09', checksum = 2883475241"),
            r"a frame of a spool must have version 1; got 9 \(.*frame 1\); run the release that wrote it until",
        ),
    ],
    ids=["gone", "another", "first", "last", "bytes", "version"],
)
def test_a_spool_that_is_not_the_one_of_the_snapshot_is_refused(
    bench: Bench, damage: Callable[[Path], None], sentence: str
) -> None:
    saved = saved_with_rows(bench)
    for side in ("-wal", "-shm"):
        Path(f"{bench.path}{side}").unlink(missing_ok=True)

    damage(bench.path)

    with pytest.raises(JournalError, match=sentence):
        verify(bench.path, saved)
    with pytest.raises(JournalError, match=sentence):
        bench.spool(saved)


def test_a_pointer_of_another_version_is_refused(bench: Bench) -> None:
    with pytest.raises(JournalError, match="pointer to a spool must have version 1; got 7; run the release that wrote"):
        verify(bench.path, msgspec.msgpack.encode((7, "", 1, 0)))
    with pytest.raises(JournalError, match=r"the snapshot of a spool must be a pointer; got .*; set the state folder"):
        bench.spool(b"old")


# ---------------------------------------------------------------- whatever happens

Step = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 8)),
    st.tuples(
        st.sampled_from(["away", "back", "snapshot", "flush", "stay", "crash", "older crash", "close"]), st.just(0)
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(Step, max_size=30))
def test_everything_is_delivered_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("spool"))
    bounds = Bounds(chunk_rows=3, memory_rows=7)
    spool = bench.spool(bounds=bounds)
    snapshots: list[tuple[bytes | None, int]] = [(None, 0)] * 2  # what a restart may begin at, and what comes then
    handed = 0
    for step, number in steps:
        if step == "put":
            spool.write(list(range(handed, handed + number)), bench.other.deliver)
            handed += number
        elif step in ("away", "back"):
            bench.other.is_away = step == "away"
        elif step == "snapshot":
            snapshots = [snapshots[1], (spool.snapshot(), handed)]
        elif step == "flush" and not bench.other.is_away:
            spool.flush()
        elif step in ("crash", "older crash", "close"):
            if step == "close" and not bench.other.is_away:
                snapshots = [snapshots[1], (spool.snapshot(), handed)]
                spool.close()
            bench.crash()
            saved, played = snapshots[0] if step == "older crash" else snapshots[1]
            snapshots = [(saved, played)] * 2
            if saved is None:
                bench.path.unlink(missing_ok=True)
            spool = bench.spool(saved, bounds)
            spool.write(list(range(played, handed)), bench.other.deliver)
    bench.other.is_away = False
    spool.flush()
    bench.crash()

    assert once_each(bench.other.taken) == list(range(handed))
