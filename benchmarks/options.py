"""What every benchmark is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """How much to measure, and where."""

    runs: int  # counted runs of each program, alternating
    size: str  # "small" takes about a minute; "full" gives the published figures
    scratch: Path  # data sets, environments and servers; data sets and environments are kept between runs
    seen: Callable[[str], None]  # is told what is being done now
    with_slow: bool = False  # also the programs that take minutes each
