"""What saving costs while reports come at the rate of a city: the stages and their journals, without an engine."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from alerts.model import Record, Slice
from alerts.pipeline import Pipeline
from benchmarks.state.people import slices
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.state_store import Keeps, Stage, StateStore

SHARDS = 8
SNAPSHOTS = 40
WARM_SAVES = 5  # that bring everything to the disk, and merge it, before anything is counted
PER_SECOND = 1.0  # of the log's clock, while the people are told of


def shares(
    people: int, rates: Sequence[float], seconds: float, folder: Path, seen: Callable[[str], None]
) -> list[tuple[float, float]]:
    """For each rate the share of a core that saving takes, with so many people kept and a snapshot every `seconds`."""
    shutil.rmtree(folder, ignore_errors=True)
    channels = load_channels()
    flow = Pipeline(load_rules([RULES_FOLDER], channels, load_calendars()), channels, SHARDS)
    store = StateStore(folder)
    stages: list[Stage] = [flow.linking, *flow.shards, flow.publishing]
    keepers = [store.begin(f"stage-{number:02}", "key", stage) for number, stage in enumerate(stages)]
    cuts = slices(people, people, PER_SECOND)
    seen(f"{people:,} people at the rates of live feeds")
    for cut in islice(cuts, people // 1_000):
        flow.take(cut)
    for _ in range(WARM_SAVES):
        _save(keepers)
    later = chain.from_iterable(cut.arrivals for cut in cuts)
    return [(rate, _share(flow, keepers, later, rate, seconds)) for rate in rates]


def _share(flow: Pipeline, keepers: Sequence[Keeps], later: Iterator[Record], rate: float, seconds: float) -> float:
    used, owed = 0.0, 0.0
    for _ in range(SNAPSHOTS):
        owed += rate * seconds
        if part := list(islice(later, int(owed))):
            flow.take(Slice(part[-1].arrived_us, part))
        owed -= len(part)
        used += _save(keepers)
    return used / (SNAPSHOTS * seconds)


def _save(keepers: Sequence[Keeps]) -> float:
    """Save every stage; the CPU seconds that took."""
    began = time.process_time()
    for keeper in keepers:
        keeper.save()
    return time.process_time() - began
