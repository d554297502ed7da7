"""On what it was measured: a figure without its machine says nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """The machine, and how busy it was when the report was made: the benchmark itself included."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    load: tuple[float, float, float]  # of the last 1, 5 and 15 minutes; a benchmark by itself makes about 1

    def __str__(self) -> str:
        load = " / ".join(f"{each:.1f}" for each in self.load)
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb:.0f} GB, {self.system}, "
            f"Python {self.python}, load {load}"
        )


def this_machine() -> Machine:
    """The one we run on, now."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(pages / 2**30, 1),
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        python=platform.python_version(),
        load=os.getloadavg(),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
