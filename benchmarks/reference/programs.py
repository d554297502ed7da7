"""The programs that do job R, what each needs to run, and the command that runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.reference.definition import OUTPUTS
from benchmarks.reference.environments import NotInstalledError, environment
from benchmarks.reference.flink import flink
from benchmarks.reference.place import Command, Place, Ready

ROOT = Path(__file__).parents[2]  # so that a peer finds `benchmarks`, whatever Python runs it


class Program(NamedTuple):
    """One row of the table.

    `ready` gives the command while what it needs is there, and raises `NotInstalledError` when that cannot be had.
    """

    name: str
    ready: Ready
    outputs: tuple[str, ...] = OUTPUTS  # what it can answer at all
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
CSP = Program("csp", module("benchmarks.reference.peers.csp_graph", python="csp"))
FLINK = Program("Flink DataStream", flink("ReferenceJob", "1"))
STREAMING_PEERS = (CSP, FLINK)  # the fastest, which the product is held against
PROGRAMS = (REFERENCE, ANLAN, ANLAN_TWO, *STREAMING_PEERS)
