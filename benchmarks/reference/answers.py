"""Where a program of job R writes its answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from benchmarks.reference.definition import OUTPUTS


@contextmanager
def answers(out: str) -> Iterator[list[TextIO]]:
    """The files of O1, O2 and O3, empty."""
    Path(out).mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        yield [opened.enter_context(open(f"{out}/{output}", "w")) for output in OUTPUTS]
