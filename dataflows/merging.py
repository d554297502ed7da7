"""Merging a journal's oldest frames in a process of its own: alerts do not wait while it reads and writes them.

    python -m dataflows.merging JOURNAL UNTIL

It may be killed at any moment, and outlive who asked for it: a journal is folded whole or not at all, and only if its
frames are still those that were merged.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from alerts.kept import merge
from connectors.journal import Journal, JournalError

LAST = 19  # niceness of who runs when nobody else wants to


class MergeProcess:
    """Begins one process after the other: while one is at work, nothing else begins."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, journal: Journal, until: int) -> Callable[[], bool] | None:
        """Begin to make one frame of all up to `until`; what tells whether the process has ended."""
        if self._process is not None and self._process.poll() is None:
            return None
        command = [sys.executable, "-m", "dataflows.merging", str(journal.path.resolve()), str(until)]
        self._process = process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        return lambda: process.poll() is not None


def main(arguments: Sequence[str]) -> int:
    """Merge; 1 where the journal could not be read or written, which is tried again at a later snapshot."""
    path, until = arguments
    try:
        if Path(path).exists():
            with Journal(path) as journal:
                journal.fold(int(until), merge)
    except JournalError as error:
        print(f"journal_not_merged {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.nice(LAST)
    sys.exit(main(sys.argv[1:]))
