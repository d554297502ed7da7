"""How many processes detect side by side, and what each of them needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from dataflows.sizing.centre import Centre
from dataflows.sizing.costs import Costs
from dataflows.sizing.need import GB, HOUR, MB, Basis, Need

BUSY = 0.7  # of a core at most: beyond it a queue begins
ROOM = 1.3  # times the state, for what comes and goes beside it: snapshots, answers, pieces of freed memory
YEAR_DAYS = 400  # longer than the longest window of a rule: what a rebuild reads
JOURNAL = 3  # times the state on the disk: what has changed since, and a copy while it is merged


class Load(NamedTuple):
    """What one second must bear, and what decides it."""

    rate: float
    decides: str


class Processes(NamedTuple):
    """How many processes detect side by side, and which wish decided that."""

    number: int
    decides: str


class Cap(NamedTuple):
    """A rule that would keep more keys in one process than its file allows."""

    rule: str
    keys: int
    max_keys: int


class Detection:
    """Load and state of one centre, and how they are shared out."""

    def __init__(self, wanted: Centre, costs: Costs) -> None:
        self.wanted = wanted
        self.costs = costs
        self.load = self._decided_load()
        self.processes = self._decided_processes()

    @property
    def reports(self) -> float:
        """Reports a day: each brings steps of handling."""
        return self.wanted.events * self.costs["reports_per_event"]

    @property
    def rate(self) -> float:
        """Events that come to one process in the busiest second."""
        return self.load.rate / self.processes.number

    def state_bytes(self, reports: float) -> float:
        """Memory for the state of so many reports a day, its windows full."""
        linking = self.costs["linking_share_of_state"]
        whole = self.costs["state_base"] + self.costs["state_per_daily_report"] * reports
        return whole * (linking + (1 - linking) * self._rules_factor())

    def replay_seconds(self, reports: float, days: float) -> float:
        """CPU seconds of a replay, through all stages, of so many reports, with all that follows them, of some days."""
        costs, linking = self.costs, self.costs["linking_share_of_replay"]
        grown: float = reports ** costs["replay_reports_exponent"] * days ** costs["replay_days_exponent"]
        return costs["replay_factor"] * grown * (linking + (1 - linking) * self._rules_factor())

    def caps(self) -> Iterator[Cap]:
        """The rules whose `max_keys` is too small for one process, the fullest first."""
        each = self.reports / self.processes.number
        found = [Cap(rule, round(keys * each), self.costs.max_keys[rule]) for rule, keys in self.costs.keys.items()]
        return iter(sorted((cap for cap in found if cap.keys > cap.max_keys), key=lambda cap: -cap.keys))

    def state_basis(self) -> Basis:
        """What figures that follow from the number of reports stand on."""
        low, high = self.costs.reports_a_day
        return "measured" if low <= self.reports / self.processes.number <= high else "extrapolated"

    def rate_basis(self) -> Basis:
        """What figures that follow from the busiest second stand on."""
        return "measured" if self.rate <= self.costs.shares[-1].rate else "extrapolated"

    def needs(self) -> Iterator[Need]:
        """The lines of `anlan run`."""
        count, wanted = self.processes.number, self.wanted
        each, disk = self._process_cores(count), self.costs["state_disk_per_daily_report"]
        state = self.state_bytes(self.reports / count) / GB
        yield Need(
            "run", "processes", count, "processes",
            f"decided by {self.processes.decides}; each at most {wanted.memory_gb:g} GB and {BUSY:g} of a core, a year"
            f" rebuilt in {wanted.rebuild_hours:g} h", self.state_basis(),
        )  # fmt: skip
        yield Need(
            "run", "cores", count * each / BUSY, "cores",
            f"{count} × {each:.2f} at {self.rate:.3g} events/s ({self.load.decides}) / {BUSY:g}", self.rate_basis(),
        )  # fmt: skip
        yield Need(
            "run", "memory", count * self._process_gb(count), "GB memory",
            f"{count} × ({self.costs['run_base'] / GB:.2f} + {ROOM:g} × {state:.2f} GB of state of"
            f" {self.reports / count:,.0f} reports a day)", self.state_basis(),
        )  # fmt: skip
        yield Need(
            "run", "state", JOURNAL * disk * self.reports / GB, "GB disk",
            f"{JOURNAL} × {disk / MB:.2f} MB × {self.reports:,.0f} reports a day", self.state_basis(),
        )  # fmt: skip
        yield Need(
            "run", "rebuild of a year", self._rebuild_hours(count), "hours",
            f"replay of {self.reports * YEAR_DAYS / count:,.0f} reports of {YEAR_DAYS} days / {BUSY:g}", "extrapolated",
        )  # fmt: skip

    def _rules_factor(self) -> float:
        return (self.wanted.rules or self.costs.rules) / self.costs.rules

    def _decided_load(self) -> Load:
        wanted = self.wanted
        storm = Load(wanted.events_per_second * wanted.peak, f"a storm, {wanted.peak:g} times the mean")
        behind = Load(
            wanted.events_per_second * (1 + wanted.outage_hours / wanted.catch_up_hours),
            f"{wanted.outage_hours:g} h of outage worked off in {wanted.catch_up_hours:g} h",
        )
        return max(storm, behind, key=lambda load: load.rate)

    def _decided_processes(self) -> Processes:
        """The least number of processes with which every wish is met."""
        wishes: dict[str, Callable[[int], bool]] = {
            "memory": lambda count: self._process_gb(count) <= self.wanted.memory_gb,
            "load": lambda count: self._process_cores(count) <= BUSY,
            "rebuild": lambda count: self._rebuild_hours(count) <= self.wanted.rebuild_hours,
        }
        found = {name: least(holds) for name, holds in wishes.items()}
        decides = max(found, key=lambda name: found[name])
        return Processes(found[decides], decides if found[decides] > 1 else "nothing: one is enough")

    def _process_gb(self, count: int) -> float:
        return (self.costs["run_base"] + ROOM * self.state_bytes(self.reports / count)) / GB

    def _process_cores(self, count: int) -> float:
        """What the busiest second takes of one process, its state as large as it gets."""
        rate = self.load.rate / count
        return self.costs.cores("run", rate) + rate * self._aged_seconds(count)

    def _aged_seconds(self, count: int) -> float:
        """CPU seconds that an event costs more where a year is kept than where next to nothing is."""
        events, reports = (each * YEAR_DAYS / count for each in (self.wanted.events, self.reports))
        return max(0.0, self.replay_seconds(reports, YEAR_DAYS) / events - self.costs["replay_fresh"])

    def _rebuild_hours(self, count: int) -> float:
        return self.replay_seconds(self.reports * YEAR_DAYS / count, YEAR_DAYS) / BUSY / HOUR


def least(holds: Callable[[int], bool]) -> int:
    """The least count with which something holds that holds with every greater one; `ValueError` beyond a million."""
    high = 1
    while not holds(high):
        high *= 2
        if high > 2**20:
            raise ValueError("a million processes must be enough; got more; allow each more memory or more time")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
