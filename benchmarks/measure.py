"""What a program costs: CPU seconds of its whole process tree, and programs in turn so that noise hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import process_tree

LAST_WORDS = 2_000  # characters of what a failed program has said


class Usage(NamedTuple):
    """What one run of a program used."""

    cpu_seconds: float  # user and system, of all processes, those that it started and left behind included
    wall_seconds: float  # until its first process ended
    peak_rss_bytes: int  # the greatest sum over all processes; pages that they share count for each


class ProgramError(Exception):
    """A program did not end well, so there is nothing to measure."""


def measured(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 3_600,
) -> Usage:
    """Run a program to its end and say what it used.

    `env` is added to the environment that is there. What the program writes to stdout is dropped.
    Raises `ProgramError` with its last words when it fails or is not done in `timeout` seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        result, said = Path(folder) / "result.json", Path(folder) / "stderr"
        with said.open("wb") as stderr:
            watcher = subprocess.run(
                [sys.executable, "-S", process_tree.__file__, str(result), str(timeout), *command],
                env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=stderr, check=False,
            )  # fmt: skip
        last_words = said.read_text(errors="replace")[-LAST_WORDS:].strip()
        if watcher.returncode:
            raise ProgramError(_failure("must start", f"exit code {watcher.returncode}", command, last_words))
        found = json.loads(result.read_text())
    if found.pop("timed_out"):
        raise ProgramError(_failure(f"must be done in {timeout:g} s", "no end", command, last_words))
    if (returncode := found.pop("returncode")) != 0:
        raise ProgramError(_failure("must end with 0", str(returncode), command, last_words))
    return Usage(**found)


def _failure(must: str, got: str, command: Sequence[str], last_words: str) -> str:
    return f"program {must}; got {got} (`{' '.join(command)}`); its last words:\n{last_words}"


def alternating(
    programs: Mapping[str, Callable[[], Usage]], runs: int, seen: Callable[[str], None]
) -> dict[str, list[Usage]]:
    """Run each program `runs` times in turn (A B C A B C ...), so that what else the machine does hits all alike."""
    found: dict[str, list[Usage]] = {name: [] for name in programs}
    for run in range(1, runs + 1):
        for name, program in programs.items():
            seen(f"{name}, run {run} of {runs}")
            found[name].append(program())
    return found


def median_usage(usages: Sequence[Usage]) -> Usage:
    """The median of each figure by itself."""
    cpu, wall, rss = zip(*usages, strict=True)
    return Usage(median(cpu), median(wall), int(median(rss)))
