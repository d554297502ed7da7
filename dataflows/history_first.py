"""A log that no longer begins at the beginning: what came before is read from the data pool first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from alerts.model import Record, Slice
from alerts.pipeline import in_slices
from connectors.gate import Gate
from connectors.kafka import LogSource
from connectors.log_order import LogPosition

UNFINISHED: LogPosition = (-1, {})  # nothing can go on from the middle of a history


class HistoryFirst(FixedPartitionedSource[Slice, LogPosition]):
    """Slices of a history, then those of the intake log from `since_us` on.

    Parallel by: nothing; one partition `log`.
    Delivery: at least once, always in the same order. A start inside the history is refused: begin again.
    On failure: what the log's source does; a pool that does not answer stops the flow.
    """

    def __init__(self, log: LogSource, history: Callable[[], Iterable[Record]], since_us: int, gate: Gate) -> None:
        """`history` gives what arrived before `since_us`, in the order of arrival; `gate` is told how far it is."""
        self._gate = gate
        self._log = log
        self._history = history
        self._since_us = since_us

    def list_parts(self) -> list[str]:
        return self._log.list_parts()

    def build_part(
        self, step_id: str, for_part: str, resume_state: LogPosition | None
    ) -> StatefulSourcePartition[Slice, LogPosition]:
        if resume_state is not None:
            return self._log.build_part(step_id, for_part, resume_state)
        # the log begins at the end of the history: what it still holds of that is known by its source
        behind = self._log.build_part(step_id, for_part, (self._since_us, {}))
        return _Part(in_slices(self._history()), behind, self._gate)


class _Part(StatefulSourcePartition[Slice, LogPosition]):
    def __init__(self, history: Iterator[Slice], log: StatefulSourcePartition[Slice, LogPosition], gate: Gate) -> None:
        self._gate = gate
        self._history: Iterator[Slice] | None = history
        self._log = log

    def next_batch(self) -> Iterable[Slice]:
        if self._history is None:
            return self._log.next_batch()
        cut = next(self._history, None)
        if cut is None:
            self._history = None
            return []
        self._gate.passed(len(cut.arrivals), cut.clock_us)
        return [cut]

    def snapshot(self) -> LogPosition:
        return self._log.snapshot() if self._history is None else UNFINISHED

    def close(self) -> None:
        self._log.close()
