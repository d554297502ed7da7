"""Which benchmarks there are: name -> module. A module has `TITLE: str` and `run(options: Options) -> Report`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from benchmarks.options import Options
from benchmarks.report import Report

MODULES = {
    "reference": "benchmarks.reference.job",  # job R beside the plain loop and every peer
    "book": "benchmarks.book",  # the shipped rule book over a simulated city
    "memory": "benchmarks.memory",  # bytes for each key and each event kept
    "growth": "benchmarks.growth",  # more keys, more rules, more processes
    "live": "benchmarks.live",  # from produce to the alert in Redis, beside a relay that does nothing else
    "snapshots": "benchmarks.snapshots",  # what keeping the state costs, and coming back
    "sink": "benchmarks.sink",  # rows a second into ClickHouse and Redis
    "size": "benchmarks.size",  # what an installation needs, foretold and measured
}


class Benchmark(NamedTuple):
    """One benchmark of the catalogue."""

    name: str
    title: str
    run: Callable[[Options], Report]


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name; its module is imported now."""
    module = import_module(MODULES[name])
    return Benchmark(name, module.TITLE, module.run)
