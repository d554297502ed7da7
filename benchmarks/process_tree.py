"""Runs one program and says what it and all its descendants have used: `process_tree.py RESULT TIMEOUT COMMAND ...`.

A process of its own, so that it may be the parent of every orphan, and small, because a program's greatest memory can
never be measured below that of the process that started it. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

BECOME_PARENT_OF_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
LOOK_MILLISECONDS = 50  # between two looks at the memory
PAGE = resource.getpagesize()


def main(result: str, timeout: str, *command: str) -> None:
    """Run the program and write what it used to `result`, as JSON."""
    ctypes.CDLL(None, use_errno=True).prctl(BECOME_PARENT_OF_ORPHANS, 1, 0, 0, 0)
    started = time.monotonic()
    program = subprocess.Popen(command)
    try:
        peak, timed_out = _watch(program.pid, started + float(timeout))
        wall = time.monotonic() - started
    finally:
        returncodes = _end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "wall_seconds": wall,
        "peak_rss_bytes": max(peak, used.ru_maxrss * 1024),
        "returncode": returncodes[program.pid],
        "timed_out": timed_out,
    }
    Path(result).write_text(json.dumps(found))


def _watch(pid: int, until: float) -> tuple[int, bool]:
    """Until the program has ended: the greatest memory of its tree, and whether the time was up first."""
    peak = 0
    ended = select.poll()
    ended.register(os.pidfd_open(pid), select.POLLIN)
    while not ended.poll(LOOK_MILLISECONDS):
        peak = max(peak, sum(_resident(each) for each in _descendants(os.getpid())))
        if time.monotonic() > until:
            return peak, True
    return peak, False


def _descendants(pid: int) -> Iterator[int]:
    """Children, their children and so on, of every thread."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(children).split():
            yield int(child)
            yield from _descendants(int(child))


def _resident(pid: int) -> int:
    words = _read(Path(f"/proc/{pid}/statm")).split()
    return int(words[1]) * PAGE if words else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return ""


def _end_all() -> dict[int, int]:
    """Kill what the program has left behind and wait for all: only then its CPU time counts. Returns how each ended."""
    ended: dict[int, int] = {}
    while True:
        for pid in _descendants(os.getpid()):
            _kill_if_alive(pid)
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def _kill_if_alive(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
