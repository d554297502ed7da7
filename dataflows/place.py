"""Where a process stands among those that share one flow, and what only one of them does.

One process, the *front*, has every way in and out; the others work on some of the shards. The front is the process in
which the engine runs the step `link`, so that what has to be near it is: the rows that wait for the pool, and what
the writer of the log hands over to its reader.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, FixedPartitionedSink, StatefulSinkPartition, StatelessSinkPartition
from bytewax.testing import TestingSource, cluster_main
from msgspec import Struct

from dataflows.detect import LOG

Item = TypeVar("Item")
State = TypeVar("State")


class Place(Struct, frozen=True):
    """One process of a flow: its number, and `host:port` of every process, in the order of their numbers."""

    life: int = 0  # of the group; 0 where there is none
    number: int = 0
    addresses: tuple[str, ...] = ()  # empty for a flow of one process
    on_host: int = 0  # its number among the processes of its host

    @property
    def is_front(self) -> bool:
        """Whether this process has the ways in and out."""
        return self.number == front_of(len(self.addresses))

    def engine(self) -> dict[str, Any]:
        """What the engine is told about the processes."""
        if len(self.addresses) < 2:
            return {}
        return {"process_id": self.number, "addresses": list(self.addresses)}


ALONE = Place()


@functools.cache
def front_of(processes: int) -> int:
    """The number of the process that has the ways in and out; the engine itself is asked where it runs `link`."""
    if processes < 2:
        return 0
    found: list[int] = []
    flow = Dataflow("front")
    asked = op.stateful_map("keyed", op.input("in", flow, TestingSource([(LOG, 0)])), lambda kept, item: (kept, item))
    op.output("out", asked, _Workers(found))
    cluster_main(flow, [], 0, worker_count_per_proc=processes)
    return found[0]


class _Workers(DynamicSink[Any]):
    """Notes which worker something comes to."""

    def __init__(self, found: list[int]) -> None:
        self._found = found

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Worker:
        return _Worker(self._found, worker_index)


class _Worker(StatelessSinkPartition[Any]):
    def __init__(self, found: list[int], number: int) -> None:
        self._found = found
        self._number = number

    def write_batch(self, items: list[Any]) -> None:
        self._found.append(self._number)


class AtFront(FixedPartitionedSink[Item, State]):
    """A sink of one partition that only the front opens; what the others have for it goes there.

    Parallel by: nothing.
    Delivery, and on failure: what the sink promises.
    """

    def __init__(self, sink: FixedPartitionedSink[Item, State], is_front: bool) -> None:
        self._sink = sink
        self._is_front = is_front

    def list_parts(self) -> list[str]:
        """The partition of the sink, in the front."""
        return self._sink.list_parts() if self._is_front else []

    def part_fn(self, item_key: str) -> int:
        """The only one."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: State | None) -> StatefulSinkPartition[Item, State]:
        """What the sink builds."""
        return self._sink.build_part(step_id, for_part, resume_state)


class Told(FixedPartitionedSink[Item, None]):
    """Tells somebody in this process what comes.

    Parallel by: nothing; one partition.
    Delivery: as often as it comes; nothing is kept.
    On failure: cannot fail.
    """

    def __init__(self, tell: Callable[[Item], None]) -> None:
        self._tell = tell

    def list_parts(self) -> list[str]:
        """One partition."""
        return ["told"]

    def part_fn(self, item_key: str) -> int:
        """The only one."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Telling[Item]:
        """Nothing was kept."""
        return _Telling(self._tell)


class _Telling(StatefulSinkPartition[Item, None]):
    def __init__(self, tell: Callable[[Item], None]) -> None:
        self._tell = tell

    def write_batch(self, values: list[Item]) -> None:
        for value in values:
            self._tell(value)

    def snapshot(self) -> None:
        return None
