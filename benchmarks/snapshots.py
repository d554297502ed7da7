"""What snapshots cost, as a share of the speed of a replay, and how long it takes to come back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import msgspec

from benchmarks.histories import city_history
from benchmarks.options import Options
from benchmarks.report import Cell, Plot, Report
from benchmarks.state.flow import Task, Used
from benchmarks.state.live_rate import shares
from dataflows.settings import Settings

TITLE = "Snapshots: what they cost, and coming back"
SECONDS = float(Settings().snapshot_seconds)


class Load(NamedTuple):
    """What is replayed, and how often it is saved."""

    seconds: float
    people: int = 300
    more: int = 0  # reports of theirs
    days: int = 0  # or of a city, as many …
    reports_per_day: float = 0.0  # … with so many reports


SMALL = (Load(5.0, 10_000, 60_000), Load(5.0, days=30, reports_per_day=500.0))
FULL = (
    Load(SECONDS, days=365, reports_per_day=1_000.0),
    Load(SECONDS, days=60, reports_per_day=6_000.0),
    Load(SECONDS, 60_000, 240_000),
)
LIVE_PEOPLE = {"small": 30_000, "full": 300_000}
LIVE_RATES = (0.07, 1.0, 100.0)  # reports a second of a city, of a province, and of an onrush


def run(options: Options) -> Report:
    """Replays with and without snapshots in turn, and a start on what the last one left."""
    rows: list[tuple[Cell, ...]] = []
    details: dict[str, list[dict[str, Used]]] = {}
    for load in FULL if options.size == "full" else SMALL:
        history = ""
        if load.days:
            history = str(city_history(options.scratch, load.days, options.seen, load.reports_per_day))
        task = Task(load.people, load.more, history, load.seconds)
        what = f"{load.more:,} reports of {load.people:,} people"
        if load.days:
            what = f"{load.days} days of a city of {load.reports_per_day:,.0f} reports a day"
        runs = [_once(options, task, f"{what}, run {number + 1} of {options.runs}") for number in range(options.runs)]
        rows.append((what, load.seconds, *_row(runs)))
        details[what] = runs
    live = shares(LIVE_PEOPLE[options.size], LIVE_RATES, SECONDS, options.scratch / "live-rate", options.seen)
    return Report(
        title=TITLE,
        columns=(
            "what", "every s", "keys", "events/s without", "events/s with", "cost in CPU", "cost in time",
            "of it in the steps", "µs CPU an event", "snapshots", "kept MB", "back after s", "CPU s of that",
        ),
        rows=tuple(rows),
        notes=(
            "Through the shipped rules as fast as it goes, one process: days of a city with all that it tells; or, the"
            " worst case, reports of people each of whom has sent one before, which does not count: every report is a"
            " case of its own and changes some seven keys. Keys are those of all rules at the end.",
            f"Snapshots against none, medians of {options.runs} alternating runs. Events/s are by CPU time; that of the"
            " processes which merge journals is in it, but not in the cost in time: they have a core of their own."
            " One snapshot more is taken at the end.",
            "Back: from the start of the process until it takes the next event, Python and the rules included.",
            *(
                f"At {rate:g} reports/s, {LIVE_PEOPLE[options.size]:,} people kept and a snapshot every {SECONDS:g} s,"
                f" saving takes {share:.2%} of a core."
                for rate, share in live
            ),
        ),
        plot=Plot("what", ("events/s without", "events/s with")),
        details={what: [{name: used._asdict() for name, used in each.items()} for each in runs]
                 for what, runs in details.items()},
    )  # fmt: skip


def _once(options: Options, task: Task, what: str) -> dict[str, Used]:
    """The three programs once; `back` goes on where `with` has ended."""
    folder = options.scratch / "snapshots"
    shutil.rmtree(folder, ignore_errors=True)
    kept = task._replace(folder=str(folder))
    found = {}
    for name, told in {"without": task, "with": kept, "back": kept}.items():
        options.seen(f"{what}, {name}")
        found[name] = _flow(told)
    return found


def _flow(task: Task) -> Used:
    command = [sys.executable, "-m", "benchmarks.state.flow", msgspec.json.encode(task).decode()]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(said, type=Used)


def _row(runs: list[dict[str, Used]]) -> tuple[Cell, ...]:
    events = runs[0]["without"].events

    def middle(of: Callable[[dict[str, Used]], float]) -> float:
        return median(map(of, runs))

    without, kept = (middle(lambda each, name=name: each[name].cpu) for name in ("without", "with"))  # type: ignore[misc]
    return (
        int(middle(lambda each: each["without"].keys)),
        round(events / without),
        round(events / kept),
        _share(middle(lambda each: 1 - each["without"].cpu / each["with"].cpu)),
        _share(middle(lambda each: 1 - each["without"].wall / each["with"].wall)),
        _share(middle(lambda each: each["with"].saving_cpu / each["with"].cpu)),
        middle(lambda each: each["with"].cpu - each["without"].cpu) / events * 1e6,
        int(middle(lambda each: each["with"].snapshots)),
        middle(lambda each: each["with"].kept_bytes) / 1e6,
        middle(lambda each: each["back"].began_wall),
        middle(lambda each: each["back"].began_cpu),
    )


def _share(share: float) -> str:
    return f"{share:.0%}"
