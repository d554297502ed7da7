"""What one event, one report and one revision cost, as `make bench ARGS=size` has measured it (`costs.json`)."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from typing import Literal

import msgspec

Part = Literal["run", "kafka", "valkey", "clickhouse"]
PARTS: tuple[Part, ...] = ("run", "kafka", "valkey", "clickhouse")


class Cost(msgspec.Struct, frozen=True):
    """One measured figure."""

    value: float
    unit: str
    ran: str  # what was run to find it


class Share(msgspec.Struct, frozen=True):
    """What each part used of a core while so many events came in a second."""

    rate: float
    cores: dict[Part, float]


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known, and where it was found."""

    machine: str
    measured_on: str  # date
    commit: str
    rules: int  # that ran: the shipped ones
    reports_a_day: tuple[float, float]  # sizes of the cities whose state was looked at, the least and the most
    days: int  # how old the oldest of them became
    shares: tuple[Share, ...]  # by rising rate; the first is that of nobody calling
    costs: dict[str, Cost]
    keys: dict[str, float]  # that a rule keeps for one report a day, once its windows are full
    max_keys: dict[str, int]  # that its file allows

    def __getitem__(self, name: str) -> float:
        """The value of one cost."""
        return self.costs[name].value

    def cores(self, part: Part, rate: float) -> float:
        """What a part uses of a core at a rate: on the line between two measured ones.

        Beyond the last it is on the line from nobody calling to there: events that come together are cheaper, which
        does not go on for ever.
        """
        below, above = self._around(rate)
        slope = (above.cores[part] - below.cores[part]) / (above.rate - below.rate)
        return below.cores[part] + slope * (rate - below.rate)

    def _around(self, rate: float) -> tuple[Share, Share]:
        beyond = self.shares[0], self.shares[-1]
        return next((pair for pair in pairwise(self.shares) if rate <= pair[1].rate), beyond)


def load_costs() -> Costs:
    """The costs that this release was measured with."""
    return from_json(files(__package__).joinpath("costs.json").read_bytes())


def from_json(written: bytes) -> Costs:
    """Costs that were written earlier."""
    return msgspec.json.decode(written, type=Costs)


def to_json(costs: Costs) -> bytes:
    """For the file."""
    return msgspec.json.format(msgspec.json.encode(costs), indent=1) + b"\n"
