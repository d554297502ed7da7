"""A store gives a stage back as it was at any snapshot that a restart may go back to, and finds what is damaged."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import kept
from connectors.journal import DiskFullError, Journal, JournalError
from dataflows import state_store
from dataflows.state_store import FORGETFUL, Answer, StateStore, pointer_of


class Numbers:
    """A stage that keeps a number under each name."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.touched: set[str] = set()

    def put(self, name: str, number: int | None) -> None:
        self.touched.add(name)
        if number is None:
            self.kept.pop(name, None)
        else:
            self.kept[name] = number

    def snapshot(self) -> bytes:
        self.touched = set()
        return kept.encode(1, {(name,): number for name, number in self.kept.items()}, whole=True)

    def changes(self) -> bytes:
        touched, self.touched = self.touched, set()
        return kept.encode(1, {(name,): self.kept.get(name) for name in touched}, whole=False)

    def save_ahead(self, share: float) -> bytes | None:
        some = sorted(self.touched)[: int(share * len(self.touched))]
        self.touched -= set(some)
        return kept.encode(1, {(name,): self.kept.get(name) for name in some}, whole=False) if some else None

    def restore(self, frames: Sequence[bytes]) -> None:
        parts = kept.decode(frames, 1)
        self.kept = {name[0]: msgspec.msgpack.decode(value, type=int) for name, value in parts.items()}


Change = st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 9))
Life = st.tuples(st.lists(st.lists(Change, max_size=4), min_size=1, max_size=8), st.integers(1, 3))


@given(
    lives=st.lists(Life, max_size=6),
    merge_above=st.sampled_from([0, 40, 1_000_000]),
    share=st.sampled_from([0.0, 0.6, 1.0]),
    is_beside=st.booleans(),
)
def test_a_life_goes_on_from_any_of_the_last_snapshots_of_the_one_before(
    tmp_path_factory: pytest.TempPathFactory,
    lives: list[tuple[list[list[tuple[str, int | None]]], int]],
    merge_above: int,
    share: float,
    is_beside: bool,
) -> None:
    snapshots: list[tuple[bytes, dict[str, int]]] = []
    with ThreadPoolExecutor(1) as beside, pytest.MonkeyPatch.context() as patch:
        store = StateStore(tmp_path_factory.mktemp("kept"), behind=beside if is_beside else None)
        patch.setattr(state_store, "MERGE_ABOVE", merge_above)
        for epochs, back in lives:
            stage = Numbers()
            snapshots = snapshots[: len(snapshots) + 1 - min(back, len(snapshots))]
            if snapshots:
                keeper = store.resume(snapshots[-1][0], stage)
                assert stage.kept == snapshots[-1][1]
                snapshots = snapshots[-1:]
            else:
                keeper = store.begin("step", "key", stage)
            for changes in epochs:
                for name, number in changes:
                    stage.put(name, number)
                    keeper.save_ahead(share)
                snapshots.append((keeper.save()[0], dict(stage.kept)))


def test_a_snapshot_costs_what_changed_and_the_journal_stays_in_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Numbers()
    keeper = StateStore(tmp_path).begin("step", "key", stage)
    for number in range(100_000):
        stage.put(f"n{number}", number)
    _, everything = keeper.save()
    sizes = []
    monkeypatch.setattr(state_store, "MERGE_ABOVE", 100_000)
    for epoch in range(9_000):
        for number in range(50):
            stage.put(f"n{(epoch * 50 + number) % 100_000}", epoch)
        sizes.append(keeper.save()[1])
    assert max(sizes) < everything / 1000
    with Journal(tmp_path / "step.key.journal") as journal:
        assert journal.size < 4 * everything
    assert (tmp_path / "step.key.journal").stat().st_size < 6 * everything


def test_nothing_is_left_of_a_life_that_no_snapshot_was_made_of(tmp_path: Path) -> None:
    store, lost = StateStore(tmp_path), Numbers()
    lost.put("a", 1)
    store.begin("step", "key", lost).save()

    stage = Numbers()
    pointer, _ = store.begin("step", "key", stage).save()
    again = Numbers()
    store.resume(pointer, again)
    assert again.kept == {}


@pytest.fixture
def saved(tmp_path: Path) -> bytes:
    stage = Numbers()
    keeper = StateStore(tmp_path).begin("step", "key", stage)
    for number in range(3):
        stage.put("a", number)
        pointer, _ = keeper.save()
    return pointer


def test_a_journal_that_is_gone_is_told(tmp_path: Path, saved: bytes) -> None:
    path = tmp_path / "step.key.journal"
    path.unlink()
    with pytest.raises(JournalError, match=r"journal of a snapshot must be there; got none \(.*step.key.journal\)"):
        list(StateStore(tmp_path).frames(saved))


def test_a_journal_that_is_another_is_told(tmp_path: Path, saved: bytes) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    StateStore(tmp_path).begin("step", "key", Numbers()).save()
    with pytest.raises(JournalError, match="journal must be the one of the snapshot; got another"):
        StateStore(tmp_path).resume(saved, Numbers())


def test_a_journal_that_is_too_short_is_told(tmp_path: Path, saved: bytes) -> None:
    with Journal(tmp_path / "step.key.journal") as journal:
        journal.cut(2)
    with pytest.raises(JournalError, match=r"journal must reach to frame 4; got 2 as the newest"):
        StateStore(tmp_path).resume(saved, Numbers())


def test_a_frame_that_is_damaged_is_told(tmp_path: Path, saved: bytes) -> None:
    with sqlite3.connect(tmp_path / "step.key.journal") as file:
        file.execute("UPDATE frames SET body = x'00' WHERE number = 2")
    with pytest.raises(JournalError, match="another checksum"):
        list(StateStore(tmp_path).frames(saved))


@pytest.mark.parametrize("state", [b"", b"\x94\x03\x01", msgspec.msgpack.encode([2, "j", "n", 1])])
def test_state_of_another_release_is_told(state: bytes) -> None:
    with pytest.raises(JournalError, match=r"must (be a pointer|have version 1); got .*; rebuild from the intake log"):
        pointer_of(state)


def test_what_found_the_disk_full_is_written_later_and_nothing_of_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = iter([True, True, False] * 2)
    append = Journal.append

    def appended(journal: Journal, body: bytes) -> int:
        if next(full):
            raise DiskFullError("full")
        return append(journal, body)

    def patience(write: Callable[[], Answer]) -> Answer:
        while True:
            with contextlib.suppress(DiskFullError):
                return write()

    monkeypatch.setattr(Journal, "append", appended)
    store, stage = StateStore(tmp_path, patience), Numbers()
    keeper = store.begin("step", "key", stage)
    stage.put("a", 5)
    pointer, _ = keeper.save()
    again = Numbers()
    StateStore(tmp_path).resume(pointer, again)
    assert again.kept == {"a": 5}


def test_a_flow_that_keeps_nothing_does_no_work_for_it() -> None:
    class Costly(Numbers):
        def snapshot(self) -> bytes:
            raise AssertionError("a bounded replay encodes no state")

    assert FORGETFUL.begin("step", "key", Costly()).save() == (b"", 0)


def test_what_was_saved_ahead_of_a_snapshot_that_never_came_is_not_there(tmp_path: Path) -> None:
    store, stage, again = StateStore(tmp_path), Numbers(), Numbers()
    keeper = store.begin("step", "key", stage)
    stage.put("a", 1)
    keeper.save_ahead(1.0)
    pointer, size = keeper.save()
    stage.put("a", 2)
    keeper.save_ahead(1.0)
    store.resume(pointer, again)

    assert again.kept == {"a": 1}
    assert size == len(kept.encode(1, {("a",): 1}, whole=False)) + len(kept.encode(1, {}, whole=False))


def test_the_flow_goes_on_while_what_was_saved_ahead_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_answers, append = threading.Event(), Journal.append

    def write(journal: Journal, body: bytes) -> int:
        assert disk_answers.wait(10), "nobody must wait for the disk"
        return append(journal, body)

    with ThreadPoolExecutor(1) as beside:
        stage, again = Numbers(), Numbers()
        store = StateStore(tmp_path, behind=beside)
        keeper = store.begin("step", "key", stage)
        monkeypatch.setattr(Journal, "append", write)
        stage.put("a", 1)
        keeper.save_ahead(1.0)
        stage.put("a", 2)
        disk_answers.set()
        pointer, _ = keeper.save()
    store.resume(pointer, again)

    assert again.kept == {"a": 2}


@pytest.mark.parametrize("is_beside", [False, True])
def test_what_finds_a_full_disk_when_it_is_saved_ahead_is_written_by_the_flow_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_beside: bool
) -> None:
    full, append = ["frame"], Journal.append

    def write(journal: Journal, body: bytes) -> int:
        if full:
            raise DiskFullError(full.pop())
        return append(journal, body)

    with ThreadPoolExecutor(1) as beside:
        stage, again = Numbers(), Numbers()
        store = StateStore(tmp_path, behind=beside if is_beside else None)
        keeper = store.begin("step", "key", stage)
        monkeypatch.setattr(Journal, "append", write)
        stage.put("a", 1)
        keeper.save_ahead(1.0)
        stage.put("b", 2)
        pointer, _ = keeper.save()
    store.resume(pointer, again)

    assert (again.kept, full) == ({"a": 1, "b": 2}, [])
