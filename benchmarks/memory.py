"""Bytes for each key and each event kept: a rule of the product, and the same rule as people write it first."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from benchmarks.crowd import crowd
from benchmarks.histories import write_history
from benchmarks.measure import measured
from benchmarks.memory_run import Kept
from benchmarks.options import Options
from benchmarks.report import Cell, Report


class Load(NamedTuple):
    """How much is kept."""

    keys: int
    each: int

    @property
    def events(self) -> int:
        """Of all keys."""
        return self.keys * self.each


TITLE = "memory kept by a rule: every contact of a person for a day"
KEYS = {"small": (10_000, 100_000), "full": (10_000, 100_000, 300_000)}
EVENTS_A_KEY = (1, 4)
LONG = Load(10_000, 16)
STOCK_UNTIL = {"small": 40_000, "full": 400_000}  # events: it takes a third of a millisecond for each
SHARE_OF_DAY = 0.8  # in which all events come, so that each is still kept at the end
MB = 1_000_000
NAMES = {
    "rule": "Anlan, the rule",
    "flow": "Anlan, rule and link step",
    "plain": "deques of dicts, json",
    "plain orjson": "deques of dicts, orjson",
    "stock": "stock sliding windows",
}
COLUMNS = ("form", "keys", "events a key", "MB", "bytes an event", "rule's share of it")


def run(options: Options) -> Report:
    """Every form with every load that it can carry; medians over the runs."""
    found: dict[tuple[str, Load], float] = {}
    for load in loads(options.size):
        history = _history(options, load)
        for form in NAMES:
            if form == "stock" and load.events > STOCK_UNTIL[options.size]:
                continue
            sizes = []
            for number in range(1, options.runs + 1):
                options.seen(f"{form}, {load.keys:,} keys with {load.each} events, run {number} of {options.runs}")
                sizes.append(_kept(form, history, options.scratch / "memory-run.json"))
            found[form, load] = median(sizes)
    return report(found)


def loads(size: str) -> list[Load]:
    """What is kept, in order."""
    return [LONG, *(Load(keys, each) for keys in KEYS[size] for each in EVENTS_A_KEY)]


def _history(options: Options, load: Load) -> Path:
    path = options.scratch / f"crowd-{load.keys}-{load.each}.jsonl"
    if not path.exists():
        options.seen(f"making {path.name}")
        write_history(path, crowd(load.keys, load.events, int(load.events / SHARE_OF_DAY)))
    return path


def _kept(form: str, history: Path, result: Path) -> int:
    measured([sys.executable, "-m", "benchmarks.memory_run", form, str(history), str(result)])
    return msgspec.json.decode(result.read_bytes(), type=Kept).resident_bytes


def report(found: dict[tuple[str, Load], float]) -> Report:
    """A row for each form and load; in the notes what a key and what an event of it takes."""
    rows = tuple(_row(form, load, kept, found["rule", load]) for (form, load), kept in found.items())
    return Report(
        title=TITLE,
        columns=COLUMNS,
        rows=rows,
        notes=(
            "growth of the resident set from the first line to the last; all events are inside the window at the end",
            "the link step joins events into matters and finds what comes twice; its windows are longer",
            "stock sliding windows: the engine's `collect_window`, a day long and one an hour",
            *(parts for form in NAMES if (parts := _parts(form, found))),
        ),
    )


def _row(form: str, load: Load, kept: float, rule: float) -> tuple[Cell, ...]:
    return (NAMES[form], load.keys, load.each, round(kept / MB, 1), round(kept / load.events), rule / kept)


def _parts(form: str, found: dict[tuple[str, Load], float]) -> str:
    """What a key takes by itself and what each event adds: from the two loads with most keys."""
    keys = max((load.keys for name, load in found if name == form and load.each > 1), default=0)
    few, many = Load(keys, EVENTS_A_KEY[0]), Load(keys, EVENTS_A_KEY[1])
    if (form, few) not in found or (form, many) not in found:
        return ""
    event = (found[form, many] - found[form, few]) / (many.events - few.events)
    key = found[form, few] / keys - event
    if key < 0:  # an event costs more where its key has others, so the two cannot be told apart
        return ""
    return f"{NAMES[form]}: {key:,.0f} bytes a key and {event:,.0f} an event ({keys:,} keys)"
