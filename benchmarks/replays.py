"""Runs replays in processes of their own, one or several that share one replay, and reads what they saw."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.measure import Usage, measured
from benchmarks.replay_run import Run, Task

HOURS = 8 * 3_600


class Measured(NamedTuple):
    """One replay: what it cost as a whole, and what it saw."""

    usage: Usage
    run: Run


def replayed(task: Task) -> Measured:
    """Run a task in a process of its own."""
    usage = measured([sys.executable, "-m", "benchmarks.replay_run", written(task)], timeout=HOURS)
    return Measured(usage, msgspec.json.decode(Path(task.result).read_bytes(), type=Run))


def written(task: Task) -> str:
    """A task as it stands on a command line."""
    return msgspec.json.encode(task).decode()
