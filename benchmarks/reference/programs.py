"""The programs that do job R, what each needs to run, and the command that runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.reference.changes import settle
from benchmarks.reference.compiled import floor
from benchmarks.reference.definition import OUTPUTS
from benchmarks.reference.environments import NotInstalledError, environment
from benchmarks.reference.flink import flink
from benchmarks.reference.kafka import kafka_module
from benchmarks.reference.place import Command, Place, Ready

PEERS = "benchmarks.reference.peers"
ROOT = Path(__file__).parents[2]  # so that a peer finds `benchmarks`, whatever Python runs it


class Program(NamedTuple):
    """One row of the table.

    `ready` gives the command while what it needs is there, and raises `NotInstalledError` when that cannot be had.
    """

    name: str
    ready: Ready
    outputs: tuple[str, ...] = OUTPUTS  # what it can answer at all
    settle: Callable[[Path], None] | None = None  # makes rows of what it has written; not counted
    is_slow: bool = False  # it is run once, on 200,000 events, and only when asked for


def module(name: str, *arguments: str, python: str | None = None) -> Ready:
    """A program in Python that takes DATA and OUT; `python` names the environment, none is the product's own."""

    @contextmanager
    def ready(place: Place) -> Iterator[Command]:
        if find_spec(name) is None:
            raise NotInstalledError("not built")
        interpreter = environment(python, place.scratch) if python else sys.executable
        yield lambda out: [str(interpreter), "-m", name, str(place.data), str(out), *arguments]

    return ready


REFERENCE = Program("plain loop", module("benchmarks.reference.plain"))
ANLAN = Program("Anlan", module("benchmarks.reference.ours", "--batch", "20000"))
ANLAN_TWO = Program("Anlan, 2 processes", module("benchmarks.reference.ours", "--batch", "20000", "--processes", "2"))
CSP = Program("csp", module(f"{PEERS}.csp_graph", python="csp"))
FLINK = Program("Flink DataStream", flink("ReferenceJob", "1"))
FLOOR = Program("compiled floor", floor)
STREAMING_PEERS = (CSP, FLINK)  # the fastest, which the product is held against
PROGRAMS = (
    REFERENCE,
    FLOOR,
    ANLAN,
    ANLAN_TWO,
    *STREAMING_PEERS,
    Program("Bytewax by caller", module(f"{PEERS}.bytewax_by_caller"), is_slow=True),
    Program("DuckDB, batch", module(f"{PEERS}.duckdb_sql", python="duckdb"), outputs=("o1", "o3")),
    Program("Polars, batch", module(f"{PEERS}.polars_frames", python="polars"), outputs=("o1", "o3")),
    Program("Pathway", module(f"{PEERS}.pathway_tables", python="pathway"), settle=settle, is_slow=True),
    Program("Quix Streams", kafka_module(f"{PEERS}.quix_stream", "quix"), is_slow=True),
    Program("Faust", kafka_module(f"{PEERS}.faust_agent", "faust"), is_slow=True),
    Program("Flink SQL", flink("ReferenceSql", "1"), is_slow=True),
    Program("Bytewax stock windows", module(f"{PEERS}.bytewax_windows"), is_slow=True),
)
