from __future__ import annotations

from threading import Event as Flag
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, cluster_main

from dataflows.detect import LOG
from dataflows.place import ALONE, AtFront, Place, Told, front_of
from dataflows.sources import Silent, Sources


class Noted(DynamicSink[tuple[str, Any]]):
    """Which worker the items of each key come to."""

    def __init__(self) -> None:
        self.workers: dict[str, int] = {}

    def build(self, step_id: str, worker_index: int, worker_count: int) -> NotedPart:
        return NotedPart(self.workers, worker_index)


class NotedPart(StatelessSinkPartition[tuple[str, Any]]):
    def __init__(self, workers: dict[str, int], number: int) -> None:
        self._workers = workers
        self._number = number

    def write_batch(self, items: list[tuple[str, Any]]) -> None:
        self._workers.update({key: self._number for key, _ in items})


@pytest.mark.parametrize("processes", range(1, 8))
def test_one_process_is_the_front_and_it_is_where_the_engine_runs_what_has_the_key_of_the_log(processes: int) -> None:
    noted = Noted()
    flow = Dataflow("another")
    keyed = op.input("in", flow, TestingSource([("feed", 1), (LOG, 2), ("shard-001", 3), (LOG, 4)], batch_size=2))
    op.output("out", op.stateful_map("kept", keyed, lambda kept, item: (kept, item)), noted)
    cluster_main(flow, [], 0, worker_count_per_proc=processes)
    addresses = tuple(f"127.0.0.1:{port}" for port in range(processes))

    fronts = [number for number in range(processes) if Place(1, number, addresses).is_front]

    assert fronts == [noted.workers[LOG]] == [front_of(processes)]


def test_a_flow_alone_is_its_own_front_and_the_engine_is_told_nothing_of_others() -> None:
    assert ALONE.is_front
    assert ALONE.engine() == {}
    assert Place(1, 0, ("a:1",)).engine() == {}
    assert Place(1, 1, ("a:1", "b:2")).engine() == {"process_id": 1, "addresses": ["a:1", "b:2"]}


def test_only_the_front_has_ways_in_and_out() -> None:
    heard: list[int] = []
    sink = Told(heard.append)
    sources = {"one": Silent(Flag())}

    assert (AtFront(sink, True).list_parts(), AtFront(sink, False).list_parts()) == (["told"], [])
    assert (Sources(sources, True).list_parts(), Sources(sources, False).list_parts()) == (["one"], [])


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_what_every_process_has_for_a_sink_comes_to_the_front(processes: int) -> None:
    heard: list[int] = []
    flow = Dataflow("told")
    keyed = op.input("in", flow, TestingSource([(f"key-{number}", number) for number in range(40)]))
    kept = op.stateful_map("kept", keyed, lambda kept, item: (kept, item))
    op.output("told", kept, AtFront(Told(heard.append), is_front=True))
    cluster_main(flow, [], 0, worker_count_per_proc=processes)

    assert sorted(heard) == list(range(40))
