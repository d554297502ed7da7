"""A sink that is a list: what a bounded flow leaves behind, for files, tables and tests."""

from __future__ import annotations

from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition


class ListSink(FixedPartitionedSink[Any, None]):
    """Append every item to a list of the caller.

    Parallel by: nothing; one partition.
    Delivery: once; kept in memory only.
    On failure: cannot fail.
    """

    def __init__(self, found: list[Any]) -> None:
        self._found = found

    def list_parts(self) -> list[str]:
        return ["list"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _ListPart:
        return _ListPart(self._found)


class _ListPart(StatefulSinkPartition[Any, None]):
    def __init__(self, found: list[Any]) -> None:
        self._found = found

    def write_batch(self, items: list[Any]) -> None:
        self._found.extend(items)

    def snapshot(self) -> None:
        return None
