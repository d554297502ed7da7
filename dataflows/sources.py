"""The sources of a flow, together: their epochs begin and end at the same moment.

The engine ends the epoch of each source by a clock of its own, and whichever ends first gives nothing more until the
last one has ended and everything is saved. So sources that were started a tenth of a second apart stand still for a
tenth of a second at every snapshot. As partitions of one source they end together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

STEP = "sources"  # its id, part of the saved data like the names of the sources

Part = StatefulSourcePartition[Any, Any]
Named = tuple[str, Any]


def add_sources(
    flow: Dataflow, sources: Mapping[str, FixedPartitionedSource[Any, Any]], is_here: bool = True
) -> dict[str, Stream[Any]]:
    """Add sources of one partition each to a flow; their streams, by the same names.

    Of the processes that share a flow one reads: in the others `is_here` is false.
    """
    together = op.input(STEP, flow, Sources(sources, is_here))
    return {name: op.filter_map(f"from-{name}", together, _only(name)) for name in sources}


def _only(wanted: str) -> Callable[[Named], Any]:
    return lambda named: named[1] if named[0] == wanted else None


class Sources(FixedPartitionedSource[Named, Any]):
    """Several sources of one partition each; an item is the name of its source and what that gave.

    Parallel by: the sources; each is a partition, under its name.
    Delivery, and on failure: what the sources promise.
    """

    def __init__(self, sources: Mapping[str, FixedPartitionedSource[Any, Any]], is_here: bool = True) -> None:
        self._sources = sources
        self._is_here = is_here

    def list_parts(self) -> list[str]:
        """The names of the sources, in the process that reads."""
        return list(self._sources) if self._is_here else []

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _Named:
        """Begin a source. Raises `ValueError` for one that does not have one partition."""
        source = self._sources[for_part]
        found = source.list_parts()
        if len(found) != 1:
            raise ValueError(f"a source must have one partition; got {len(found)} (`{for_part}`)")
        return _Named(for_part, source.build_part(step_id, found[0], resume_state))


class _Named(StatefulSourcePartition[Named, Any]):
    def __init__(self, name: str, part: Part) -> None:
        self._name = name
        self._part = part

    def next_batch(self) -> Iterable[Named]:
        return [(self._name, item) for item in self._part.next_batch()]

    def next_awake(self) -> datetime | None:
        return self._part.next_awake()

    def snapshot(self) -> Any:
        return self._part.snapshot()

    def close(self) -> None:
        self._part.close()


class Silent(FixedPartitionedSource[Any, Any]):
    """In the place of a source that is switched off: says nothing, and keeps what was saved of it.

    The engine cannot start without a source that it has saved something of.
    """

    def __init__(self, stop: Flag) -> None:
        self._stop = stop

    def list_parts(self) -> list[str]:
        """One partition."""
        return ["silent"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SilentPart:
        """`resume_state` stays as it is."""
        return _SilentPart(self._stop, resume_state)


class _SilentPart(StatefulSourcePartition[Any, Any]):
    def __init__(self, stop: Flag, saved: Any) -> None:
        self._stop = stop
        self._saved = saved

    def next_batch(self) -> Iterable[Any]:
        if self._stop.is_set():
            raise StopIteration
        return ()

    def next_awake(self) -> datetime:
        return datetime.now(UTC) + timedelta(milliseconds=20)

    def snapshot(self) -> Any:
        return self._saved
