"""What one form keeps, in a process of its own: `python -m benchmarks.memory_run FORM HISTORY RESULT`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.kept_by import FORMS
from benchmarks.resident import resident_bytes
from dataflows.memory import HARDLY, calm_collector


class Kept(Struct, frozen=True):
    """By how much the process has grown, first line to last."""

    resident_bytes: int


def run(form: str, history: Path) -> Kept:
    """Feed a form with a history, and look when everything is kept."""
    found: list[int] = []

    def full() -> None:
        gc.collect()
        found.append(resident_bytes())

    with history.open("rb") as lines, calm_collector(HARDLY):
        before = resident_bytes()
        FORMS[form](iter(lines), full)
    return Kept(found[0] - before)


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(msgspec.json.encode(run(sys.argv[1], Path(sys.argv[2]))))
