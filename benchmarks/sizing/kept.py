"""What detection keeps of a simulated city as it gets older, as a process: `python -m benchmarks.sizing.kept TASK`.

The stages run without an engine, on the shipped rules. It writes a `Look` for each age that was asked for, as JSON.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

import msgspec

from alerts.duration import DAY_US
from alerts.model import Arrival, Slice, to_us
from alerts.pipeline import SLICE, Pipeline
from benchmarks.resident import resident_bytes
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.city.direct import events
from dataflows.cli.city import a_year
from dataflows.memory import HARDLY, calm_collector

SHARDS = 8


class Task(NamedTuple):
    """Which city, and at which ages it is looked at, in days; the last one is where it ends."""

    reports_per_day: float
    days: tuple[int, ...]
    every_rule: int = 1  # 2 is every other one


class Look(NamedTuple):
    """One look at all that is kept."""

    reports_per_day: float
    days: int
    events: int
    cpu_seconds: float  # of the stages, since the beginning
    resident_bytes: int  # more than before the first event
    keys: dict[str, int]  # by rule
    revisions: int
    state_bytes: int  # of everything as one frame a stage; 0 but at the last look: making it takes memory

    @property
    def reports(self) -> float:
        """Of all days."""
        return self.reports_per_day * self.days


def middle(rounds: Sequence[Look]) -> Look:
    """One look, taken several times: the median of what is not the same each time."""
    return rounds[0]._replace(
        cpu_seconds=median(each.cpu_seconds for each in rounds),
        resident_bytes=int(median(each.resident_bytes for each in rounds)),
    )


class City:
    """A city on its way through the stages."""

    def __init__(self, task: Task) -> None:
        self._task = task
        channels = load_channels()
        paths = sorted(RULES_FOLDER.rglob("*.yaml"))[:: task.every_rule]
        rules = load_rules(paths, channels, load_calendars())
        for rule in rules:
            rule.max_keys = sys.maxsize  # what rules would keep is wanted, not what their files allow
        self._flow = Pipeline(rules, channels, SHARDS)
        self._before = resident_bytes()
        self._events = self._revisions = 0
        self._cpu = 0.0

    def looks(self) -> Iterator[Look]:
        """All of them, in order."""
        city = a_year(self._task.days[-1], self._task.reports_per_day)
        ages = list(self._task.days[:-1])
        part: list[Arrival] = []
        for event in events(city):
            assert event.arrived_at is not None
            at = to_us(event.arrived_at)
            self._events += 1
            part.append(Arrival(event, at, f"city:{self._events}"))
            if len(part) < SLICE:
                continue
            self._take(part)
            part = []
            while ages and at >= city.start_us + ages[0] * DAY_US:
                yield self._look(ages.pop(0))
        self._take(part)
        last = self._look(self._task.days[-1])
        yield last._replace(state_bytes=sum(map(len, self._flow.snapshot())))

    def _take(self, part: list[Arrival]) -> None:
        if part:
            began = time.process_time()
            _, drafts = self._flow.take(Slice(part[-1].arrived_us, part))
            self._cpu += time.process_time() - began
            self._revisions += sum(not draft.standing for draft in drafts)

    def _look(self, days: int) -> Look:
        keys: Counter[str] = Counter()
        for shard in self._flow.shards:
            keys.update({rule: count for rule, count, *_ in shard.sizes()})
        resident = resident_bytes() - self._before
        return Look(self._task.reports_per_day, days, self._events, self._cpu, resident, dict(keys), self._revisions, 0)


def main(written: str) -> None:
    """Run the task that is written in JSON."""
    with calm_collector(HARDLY):
        looks = list(City(msgspec.json.decode(written, type=Task)).looks())
    sys.stdout.write(msgspec.json.encode(looks).decode())


if __name__ == "__main__":
    main(sys.argv[1])
