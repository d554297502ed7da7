"""What snapshots cost, as a share of the speed of a replay, and how long it takes to come back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.options import Options
from benchmarks.report import Cell, Plot, Report
from benchmarks.state.flow import Used
from benchmarks.state.live_rate import shares

TITLE = "Snapshots: what they cost, and coming back"
SECONDS = 5.0  # between two snapshots, the default
PEOPLE = {"small": (10_000, 30_000), "full": (10_000, 100_000, 300_000)}
MORE_FOR = 3  # one further report for so many people
LIVE_RATES = (0.07, 1.0, 100.0)  # reports a second of a city, of a province, and of an onrush


def run(options: Options) -> Report:
    """Replays with and without snapshots in turn, and a start on what the last one left."""
    rows: list[tuple[Cell, ...]] = []
    details: dict[str, list[dict[str, Used]]] = {}
    for people in PEOPLE[options.size]:
        runs = [_once(options, people, number) for number in range(options.runs)]
        rows.append(_row(people, runs))
        details[str(people)] = runs
    live = shares(max(PEOPLE[options.size]), LIVE_RATES, SECONDS, options.scratch / "live-rate", options.seen)
    return Report(
        title=TITLE,
        columns=(
            "people", "reports/s without", "reports/s with", "cost in CPU", "cost in time", "of it in the steps",
            "µs CPU a report", "snapshots", "kept MB", "back after s", "CPU s of that",
        ),
        rows=tuple(rows),
        notes=(
            f"Each person sends a report, then one report comes for every {MORE_FOR} of them, through the shipped"
            f" rules, as fast as it goes, one process; a snapshot every {SECONDS:g} s against none, medians of"
            f" {options.runs} alternating runs. Nearly every report brings keys that must be written: the worst case.",
            "Reports/s are by CPU time. Back: from the start of the process until it takes the next report, Python and"
            " the rules included.",
            *(
                f"At {rate:g} reports/s and as many people kept as in the last row, saving takes {share:.2%} of a core."
                for rate, share in live
            ),
        ),
        plot=Plot("people", ("reports/s without", "reports/s with")),
        details={people: [{name: used._asdict() for name, used in each.items()} for each in runs]
                 for people, runs in details.items()},
    )  # fmt: skip


def _once(options: Options, people: int, number: int) -> dict[str, Used]:
    """The three programs once; `back` goes on where `with` has ended."""
    folder = options.scratch / "snapshots"
    shutil.rmtree(folder, ignore_errors=True)
    programs: dict[str, Callable[[], Used]] = {
        "without": lambda: _flow(people, None),
        "with": lambda: _flow(people, folder),
        "back": lambda: _flow(people, folder),
    }
    found = {}
    for name, program in programs.items():
        options.seen(f"{people:,} people, {name}, run {number + 1} of {options.runs}")
        found[name] = program()
    return found


def _flow(people: int, folder: Path | None) -> Used:
    arguments = map(str, (people, people // MORE_FOR, SECONDS, folder or "-"))
    command = [sys.executable, "-m", "benchmarks.state.flow", *arguments]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(said, type=Used)


def _row(people: int, runs: list[dict[str, Used]]) -> tuple[Cell, ...]:
    reports = people + people // MORE_FOR

    def middle(of: Callable[[dict[str, Used]], float]) -> float:
        return median(map(of, runs))

    without, kept = (middle(lambda each, name=name: each[name].cpu) for name in ("without", "with"))  # type: ignore[misc]
    return (
        people,
        reports / without,
        reports / kept,
        _share(middle(lambda each: 1 - each["without"].cpu / each["with"].cpu)),
        _share(middle(lambda each: 1 - each["without"].wall / each["with"].wall)),
        _share(middle(lambda each: each["with"].saving_cpu / each["with"].cpu)),
        middle(lambda each: each["with"].cpu - each["without"].cpu) / reports * 1e6,
        int(middle(lambda each: each["with"].snapshots)),
        middle(lambda each: each["with"].kept_bytes) / 1e6,
        middle(lambda each: each["back"].began_wall),
        middle(lambda each: each["back"].began_cpu),
    )


def _share(share: float) -> str:
    return f"{share:.0%}"
