"""While the disk is full the flow waits; when there is room it goes on, and it never waits against a stop."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from connectors.journal import DiskFullError
from connectors.metrics import Metrics
from dataflows.room import Room


class Disk:
    """A disk whose free bytes are told one after the other; the last one stays."""

    def __init__(self, *free: int) -> None:
        self.free = list(free)

    def __call__(self, folder: Path) -> int:
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]


class NeverWaits(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def test_a_write_waits_until_there_is_room_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    room = Room(tmp_path, NeverWaits(), metrics, 100, Disk(99, 98, 0, 100))
    with caplog.at_level(logging.WARNING):
        assert room(lambda: 7) == 7
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("disk_full the flow waits")
    assert "the disk must have 100 bytes left; got 99" in said[0]
    assert said[1].startswith("disk_has_room")
    assert (metrics.value("anlan_disk_left_bytes"), metrics.value("anlan_disk_filled_state")) == (100, 0)


def test_a_write_that_finds_the_disk_full_is_done_again(tmp_path: Path) -> None:
    tries = iter([DiskFullError("full"), DiskFullError("full"), 3])

    def write() -> int:
        found = next(tries)
        if isinstance(found, DiskFullError):
            raise found
        return found

    assert Room(tmp_path, NeverWaits(), Metrics(), 100, Disk(100))(write) == 3


def test_a_flow_that_is_asked_to_stop_does_not_wait_for_room(tmp_path: Path) -> None:
    stop, metrics = NeverWaits(), Metrics()

    class Stopping(Disk):
        def __call__(self, folder: Path) -> int:
            stop.set()
            return super().__call__(folder)

    with pytest.raises(DiskFullError, match="the disk must have 100 bytes left; got 5"):
        Room(tmp_path, stop, metrics, 100, Stopping(5))(lambda: 1)
    assert metrics.value("anlan_disk_filled_state") == 0


def test_another_error_is_not_waited_for(tmp_path: Path) -> None:
    def write() -> int:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        Room(tmp_path, NeverWaits(), Metrics(), 100, Disk(100))(write)


def test_the_room_of_a_real_disk_is_told(tmp_path: Path) -> None:
    metrics = Metrics()
    assert Room(tmp_path, threading.Event(), metrics)(lambda: 1) == 1
    assert metrics.value("anlan_disk_left_bytes") > 64 * 1024 * 1024
