"""The answers of a program that writes changes: a row with +1 when it comes and with -1 when it is taken back."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reference.answers import answers

CHANGE = ("time", "diff")  # the columns that are about the change and not of the row


def settle(out: Path) -> None:
    """Write what is left of `alerts.csv`, whose rows name their output, and of `cells.csv`."""
    with answers(str(out)) as (repeats, escalations, aggregates):
        for (row,) in _left(out / "alerts.csv"):
            output, _, answer = row.partition(",")
            (repeats if output == "o1" else escalations).write(f"{answer}\n")
        for cell in _left(out / "cells.csv"):
            aggregates.write(f"{','.join(cell)}\n")


def _left(path: Path) -> Iterator[tuple[str, ...]]:
    count: Counter[tuple[str, ...]] = Counter()
    with path.open(newline="") as file:
        for change in csv.DictReader(file):
            count[tuple(value for name, value in change.items() if name not in CHANGE)] += int(change["diff"])
    return count.elements()
