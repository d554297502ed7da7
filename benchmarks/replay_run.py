"""One replay in a process of its own, measured from inside: `python -m benchmarks.replay_run TASK`.

What is measured is the real flow of `dataflows.replay`. Lines are decoded as they are asked for, on a clock of
their own; what else the process does while the flow runs is detection.
"""

from __future__ import annotations

import cProfile
import resource
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import process_time

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from alerts.digest import Said, digest, local_day, said
from alerts.model import Arrival, Event, to_us
from benchmarks.profile_table import ProfileRow, profile_rows
from benchmarks.resident import resident_bytes
from benchmarks.stage_clock import StageClock, stages_timed
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.replay import replay

LINES = 1_000  # decoded at once
ENDING = "ending"  # the period after the last event
BY_DAY_UNTIL = 31  # days; a longer history is told by months


class Task(Struct, frozen=True):
    """What to replay."""

    history: str  # a file of Event v1 lines in order of arrival
    result: str  # where the `Run` is written; a second process adds its number
    rules: tuple[str, ...] = (str(RULES_FOLDER),)
    days: int = 0  # of the whole history: a longer one is told by months
    events: int = 1 << 62  # so many of the first ones
    warm_up: int = 0  # so many of them are taken before anything is counted
    is_profiled: bool = False  # after the warm-up
    process: int = 0
    addresses: tuple[str, ...] = ()


class Period(Struct, frozen=True):
    """A stretch of the run, by the arrival of its events."""

    name: str
    events: int
    seconds: dict[str, float]  # CPU, by stage; with `decode`, and `flow` for all that is not decoding
    rss_bytes: int  # at its end


class Run(Struct, frozen=True):
    """What one process of a replay saw."""

    periods: list[Period]
    ending: dict[str, float]  # CPU by stage after the last event: everything that waits is judged, all state is let go
    revisions: int
    alerts: int
    strong: str  # digest of every revision
    by_rule: dict[str, str]  # digest of the alerts of each rule, without its name
    peak_rss_bytes: int
    profile: list[ProfileRow] = []

    @property
    def events(self) -> int:
        """How many were counted."""
        return sum(period.events for period in self.periods)

    def seconds(self, stage: str) -> float:
        """CPU of one stage, over all periods."""
        return sum(period.seconds[stage] for period in self.periods)


class Watch:
    """Reads a history for a replay, and looks at all clocks where a period ends."""

    def __init__(self, task: Task, stages: StageClock) -> None:
        self._task = task
        self._stages = stages
        self._decoding = 0.0
        self._period = ""  # that is open
        self._began: dict[str, float] = {}
        self._counted = 0
        self.periods: list[Period] = []
        self.profile = cProfile.Profile()

    def arrivals(self) -> Iterator[Arrival]:
        """The events of the history."""
        number = 0
        for events in self._decoded():
            if number >= self._task.warm_up:
                self._turn(self._name(events[0]))
                self._counted += len(events)
            for event in events:
                assert event.arrived_at is not None
                number += 1
                yield Arrival(event, to_us(event.arrived_at), f"history:{number}")
        if self._period:
            self._turn(ENDING)

    def ending(self) -> dict[str, float]:
        """The flow has ended: what it did after the last event."""
        self.profile.disable()
        return self._spent() if self._period else {}

    def _decoded(self) -> Iterator[list[Event]]:
        decode = msgspec.json.Decoder(Event).decode
        with Path(self._task.history).open("rb") as stream:
            lines = islice(stream, self._task.events)
            while True:
                began = process_time()
                events = [decode(line) for line in islice(lines, LINES)]
                self._decoding += process_time() - began
                if not events:
                    return
                yield events

    def _turn(self, period: str) -> None:
        """The next events are of this period."""
        if period == self._period:
            return
        if self._period:
            self._close()
        elif self._task.is_profiled:
            self.profile.enable()
        self._period, self._began, self._counted = period, self._clocks(), 0

    def _close(self) -> None:
        self.periods.append(Period(self._period, self._counted, self._spent(), resident_bytes()))

    def _spent(self) -> dict[str, float]:
        return {name: at - self._began[name] for name, at in self._clocks().items()}

    def _clocks(self) -> dict[str, float]:
        flow = process_time() - self._decoding
        return {"decode": self._decoding, **self._stages.seconds, "flow": flow}

    def _name(self, event: Event) -> str:
        assert event.arrived_at is not None
        day = local_day(to_us(event.arrived_at))
        return str(day) if self._task.days <= BY_DAY_UNTIL else f"{day:%Y-%m}"


def run(task: Task) -> Run:
    """Replay a history, and say what it cost and what came of it."""
    channels, stages = load_channels(), StageClock()
    rules = load_rules(task.rules, channels)
    watch = Watch(task, stages)
    with stages_timed(stages):
        replayed = replay(watch.arrivals(), rules, channels, addresses=task.addresses, process=task.process)
    ending = watch.ending()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = [said(revision) for revision in replayed.revisions()]
    whole = digest(found)
    profile = profile_rows(watch.profile) if task.is_profiled else []
    return Run(watch.periods, ending, whole.revisions, whole.alerts, whole.strong, rule_digests(found), peak, profile)


def rule_digests(found: Iterable[Said]) -> dict[str, str]:
    """What each rule said, without its name: copies of one rule say the same."""
    by_rule: dict[str, list[Said]] = defaultdict(list)
    for each in found:
        by_rule[each.rule].append(replace(each, rule=""))
    return {rule: digest(part).weak for rule, part in sorted(by_rule.items())}


def main(written: str) -> None:
    """Run the task that is written in JSON."""
    task = msgspec.json.decode(written, type=Task)
    Path(task.result).write_bytes(msgspec.json.encode(run(task)))


if __name__ == "__main__":
    main(sys.argv[1])
