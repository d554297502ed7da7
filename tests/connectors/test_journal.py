"""A journal keeps frames through a kill, gives them back in order, and finds what a disk has changed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connectors.journal as journals
from connectors.journal import DiskFullError, Journal, JournalError


def bodies(journal: Journal) -> list[tuple[int, bytes]]:
    return list(journal.frames())


def test_frames_come_back_in_order_after_it_was_closed(tmp_path: Path) -> None:
    with Journal(tmp_path / "a" / "journal") as journal:
        assert [journal.append(body) for body in (b"one", b"", b"three")] == [1, 2, 3]
        name = journal.name
    with Journal(tmp_path / "a" / "journal") as journal:
        assert bodies(journal) == [(1, b"one"), (2, b""), (3, b"three")]
        assert (journal.last, journal.size, journal.name) == (3, 8, name)
        assert list(journal.frames(after=1, until=2)) == [(2, b"")]


Steps = st.lists(
    st.tuples(st.sampled_from(["append", "cut", "forget", "fold", "open"]), st.integers(0, 6)), max_size=25
)


@pytest.mark.parametrize("piece", [journals.PIECE, 2], ids=["in one row", "in many"])
@given(steps=Steps)
def test_it_does_what_a_plain_list_would(
    tmp_path_factory: pytest.TempPathFactory, piece: int, steps: list[tuple[str, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals, "PIECE", piece)
        _as_a_list(tmp_path_factory, steps)


def _as_a_list(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    journal, frames, last, forgotten, folded = Journal(path), {}, 0, 0, 0
    for step, number in steps:
        at = max(last - number, folded)  # nobody goes back before what was folded
        if step == "append":
            last += 1
            frames[last] = bytes([number]) * number
            assert journal.append(frames[last]) == last
        elif step == "cut":
            frames, last = {n: body for n, body in frames.items() if n <= at}, max(at, forgotten)
            journal.cut(at)
        elif step == "forget":
            frames, forgotten = {n: body for n, body in frames.items() if n > at}, max(at, forgotten)
            journal.forget(at)
        elif step == "fold":
            if len(old := [body for n, body in frames.items() if n <= at]) > 1:
                frames, folded = {at: b"".join(old)} | {n: body for n, body in frames.items() if n > at}, at
            journal.fold(at, b"".join)
        elif step == "open":
            journal.close()
            journal = Journal(path)
        assert bodies(journal) == sorted(frames.items())
        assert (journal.last, journal.size) == (last, sum(map(len, frames.values())))
    journal.close()


def test_frames_that_are_others_by_now_are_not_folded(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal, Journal(tmp_path / "journal") as other:
        for number in range(4):
            journal.append(bytes([number]))

        def merge(bodies: Sequence[bytes]) -> bytes:
            journal.cut(1)
            journal.append(b"of the next life")
            return b"".join(bodies)

        other.fold(3, merge)
        assert bodies(journal) == [(1, b"\0"), (2, b"of the next life")]


def test_what_another_folds_while_we_append_is_whole(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal, Journal(tmp_path / "journal") as other:
        for number in range(4):
            journal.append(bytes([number]))
        other.fold(3, lambda bodies: [journal.append(b"meanwhile"), b"".join(bodies)][1])
        assert bodies(journal) == [(3, b"\0\1\2"), (4, b"\3"), (5, b"meanwhile")]
        assert (journal.measure(), journal.size, journal.append(b"")) == (3, 13, 6)


def test_what_was_appended_outlives_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys; from connectors.journal import Journal\n"
        "j = Journal(sys.argv[1])\n"
        "while True: print(j.append(b'x' * 5000), flush=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "journal")], stdout=subprocess.PIPE)
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(30)]
    os.kill(child.pid, signal.SIGKILL)
    told += [int(line) for line in child.stdout.read().split()]
    child.wait()
    with Journal(tmp_path / "journal") as journal:
        assert [number for number, _ in bodies(journal)][: len(told)] == told


def test_a_changed_byte_is_found_and_the_frame_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.append(b"right")
    with sqlite3.connect(path) as file:
        file.execute("UPDATE frames SET body = x'00'")
    with Journal(path) as journal, pytest.raises(JournalError, match=rf"another checksum \({path}, frame 1\)"):
        bodies(journal)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"something else, and long enough to be read as a header" * 50)
    with pytest.raises(JournalError, match="journal must be there to open; got `file is not a database`"):
        Journal(tmp_path / "journal")


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"must be there to open; got `(Not a directory|File exists)`"):
        Journal(tmp_path / "file" / "journal")


def test_a_full_disk_loses_nothing_and_the_same_goes_when_there_is_room(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal.append(b"before")
        pages = journal._file.execute("PRAGMA page_count").fetchone()[0]
        journal._file.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(DiskFullError, match="disk is full"):
            journal.append(b"x" * 1_000_000)
        assert bodies(journal) == [(1, b"before")]
        journal._file.execute("PRAGMA max_page_count = 100000")
        assert journal.append(b"x" * 1_000_000) == 2


def test_the_file_shrinks_when_frames_are_forgotten(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        for _ in range(50):
            journal.append(b"x" * 100_000)
        journal.forget(49)
    assert (tmp_path / "journal").stat().st_size < 1_000_000
