"""The floor needs a C++ compiler and the header of simdjson (Debian: `g++`, `libsimdjson-dev`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.reference.environments import run_or_refuse
from benchmarks.reference.place import Command, Place

SOURCE = Path(__file__).parent / "floor" / "floor.cpp"


@contextmanager
def floor(place: Place) -> Iterator[Command]:
    """`floor/floor.cpp` for the processor of this machine."""
    program = place.scratch / "environments" / "floor"
    program.parent.mkdir(parents=True, exist_ok=True)
    run_or_refuse("floor", "g++", "-O3", "-march=native", "-std=c++20", str(SOURCE), "-lsimdjson", "-o", str(program))
    yield lambda out: [str(program), str(place.data), str(out)]
