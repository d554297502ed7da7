"""What a centre needs, all lines together: plain arithmetic on measured costs."""

from __future__ import annotations

import msgspec

from dataflows.sizing.centre import Centre
from dataflows.sizing.costs import Costs
from dataflows.sizing.detection import Cap, Detection
from dataflows.sizing.need import Need
from dataflows.sizing.stores import store_needs

ADDED_UP = ("cores", "GB memory", "GB disk")


class Answer(msgspec.Struct, frozen=True):
    """All lines, and what they add up to."""

    centre: Centre
    events_per_day: float
    processes: int
    decided_by: str
    needs: tuple[Need, ...]
    caps: tuple[Cap, ...]
    cores: float
    memory_gb: float
    disk_gb: float

    @property
    def is_measured(self) -> bool:
        """Whether state and load are inside the sizes that were run."""
        return all(need.basis == "measured" for need in self.needs if need.part == "run" and need.unit in ADDED_UP)


def answer(wanted: Centre, costs: Costs) -> Answer:
    """What it takes."""
    detection = Detection(wanted, costs)
    needs = (*detection.needs(), *store_needs(detection))
    sums = (sum(need.value for need in needs if need.unit == unit) for unit in ADDED_UP)
    number, decides = detection.processes
    return Answer(wanted, wanted.events, number, decides, needs, tuple(detection.caps()), *sums)
