"""A sink for flows whose output is another benchmark's."""

from __future__ import annotations

from typing import Any

from bytewax.outputs import DynamicSink, StatelessSinkPartition


class Nowhere(DynamicSink[Any]):
    """Takes everything and keeps nothing."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Gone:
        return _Gone()


class _Gone(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        pass
