"""Runs replays in processes of their own, one or several that share one replay, and reads what they saw."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from benchmarks.measure import Usage, measured
from benchmarks.replay_run import Run, Task

HOURS = 8 * 3_600  # a replay of a year


class Measured(NamedTuple):
    """One replay: what it cost as a whole, and what it saw."""

    usage: Usage
    run: Run


def replayed(task: Task) -> Measured:
    """Run a task in a process of its own."""
    usage = measured([sys.executable, "-m", "benchmarks.replay_run", _written(task)], timeout=HOURS)
    return Measured(usage, _read(task.result))


def replayed_by(processes: int, task: Task) -> Measured:
    """Run a task in so many processes: one of them reads, and one, perhaps another, knows what was said."""
    if processes == 1:
        return replayed(task)
    command = [sys.executable, "-m", "benchmarks.replay_cluster", _written(task), str(processes)]
    usage = measured(command, timeout=HOURS)
    seen = [_read(f"{task.result}.{number}") for number in range(processes)]
    source = next(run for run in seen if run.periods)
    return Measured(usage, replace(max(seen, key=lambda run: run.revisions), periods=source.periods))


def _written(task: Task) -> str:
    return msgspec.json.encode(task).decode()


def _read(result: str) -> Run:
    return msgspec.json.decode(Path(result).read_bytes(), type=Run)
