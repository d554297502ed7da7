"""Journals are merged in a process of its own, which may be killed at any moment."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from live_flow import wait_until

from alerts import kept
from connectors.journal import Journal
from dataflows.merging import MergeProcess, main

FRAMES = 40


def filled(path: Path, size: int = 0) -> Journal:
    journal = Journal(path)
    for number in range(FRAMES):
        part = {("last",): number, (number,): "x" * size}
        journal.append(kept.encode(1, part, whole=number == 0))
    return journal


def read(journal: Journal) -> dict[kept.Name, bytes]:
    return {name: bytes(value) for name, value in kept.decode([body for _, body in journal.frames()], 1).items()}


def test_another_process_merges_while_frames_come(tmp_path: Path) -> None:
    with filled(tmp_path / "journal") as journal:
        before, begin = read(journal), MergeProcess()
        has_ended = begin(journal, FRAMES - 3)
        assert has_ended is not None
        assert begin(journal, FRAMES - 2) is None  # one is at work
        journal.append(kept.encode(1, {("new",): 1}, whole=False))
        wait_until(has_ended, "the process must end")
        assert read(journal) == before | {("new",): b"\x01"}
        assert [number for number, _ in journal.frames()] == [FRAMES - 3, FRAMES - 2, FRAMES - 1, FRAMES, FRAMES + 1]
        assert begin(journal, FRAMES) is not None


def test_a_merge_that_is_killed_leaves_the_journal_whole(tmp_path: Path) -> None:
    with filled(tmp_path / "journal", 200_000) as journal:
        before = read(journal)
        command = [sys.executable, "-m", "dataflows.merging", str(journal.path), str(FRAMES - 3)]
        for delay in range(12):
            process = subprocess.Popen(command)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02 * (delay + 1))
            process.kill()
            process.wait()
            assert read(journal) == before
        assert subprocess.run(command, check=True).returncode == 0
        assert read(journal) == before
        assert len(list(journal.frames())) == 4


def test_a_journal_that_is_gone_meanwhile_is_left_alone(tmp_path: Path) -> None:
    assert main([str(tmp_path / "gone"), "3"]) == 0
    assert not (tmp_path / "gone").exists()


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "journal").write_text("something else altogether" * 1_000)
    assert main([str(tmp_path / "journal"), "3"]) == 1
    assert "journal_not_merged journal must be there to open; got `file is not a database`" in capsys.readouterr().err
