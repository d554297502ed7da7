"""The one order of the intake log: (arrival, partition, offset), however the partitions were read.

Inside a partition arrivals rise: a record counts as arrived at its stamp, or one microsecond after the record
before it where the stamp does not rise (two writers may overlap for a moment). So whatever a partition still
hides arrived after the last record seen of it, and everything up to the smallest of these last arrivals is
complete. That instant is the clock: every record up to it is released, none at or before it can follow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from alerts.model import Record, Slice

# the clock, and for each partition the offset of its first record after that; -1 is the beginning
LogPosition = tuple[int, dict[int, int]]

_Entry = tuple[int, int, int, Record | None]  # arrival, partition, offset; no two are equal in these three


class LogOrder:
    """Merges the partitions of a log; holds a record back until nothing earlier can follow."""

    def __init__(self, partitions: Iterable[int], start: LogPosition | None = None) -> None:
        clock_us, offsets = start or (0, {})
        self._clock_us = clock_us
        self._to_release = {partition: offsets.get(partition, -1) for partition in partitions}
        self._to_take = dict(self._to_release)
        self._last_us = dict.fromkeys(self._to_release, clock_us)
        self._held: dict[int, deque[_Entry]] = {partition: deque() for partition in self._to_release}

    def take(self, partition: int, offset: int, stamp_us: int, arrival: Record | None) -> None:
        """Add the next record of a partition; a tick is None, a record that was taken before is left out."""
        if offset < self._to_take[partition]:
            return
        arrived_us = max(stamp_us, self._last_us[partition] + 1)
        if arrival is not None and arrival.arrived_us != arrived_us:
            arrival = replace(arrival, arrived_us=arrived_us)
        self._to_take[partition] = offset + 1
        self._last_us[partition] = arrived_us
        self._held[partition].append((arrived_us, partition, offset, arrival))

    def release(self) -> Slice | None:
        """What became complete since the last time, or nothing when the clock did not move."""
        return self._release_up_to(min(self._last_us.values()))

    def release_all(self) -> Slice | None:
        """Everything that is held, for a log that is taken to end here."""
        return self._release_up_to(max(self._last_us.values()))

    def _release_up_to(self, clock_us: int) -> Slice | None:
        if clock_us <= self._clock_us:
            return None
        ready: list[_Entry] = []
        for partition, held in self._held.items():
            ready.extend(_up_to(held, clock_us))
            if ready and ready[-1][1] == partition:
                self._to_release[partition] = ready[-1][2] + 1
            self._last_us[partition] = max(self._last_us[partition], clock_us)
        ready.sort()
        self._clock_us = clock_us
        return Slice(clock_us, [arrival for _, _, _, arrival in ready if arrival is not None])

    def held(self, partition: int) -> int:
        """How many records of a partition wait for the others."""
        return len(self._held[partition])

    def position(self) -> LogPosition:
        """Where to go on after a restart; what is held back is read again."""
        return self._clock_us, dict(self._to_release)


def _up_to(held: deque[_Entry], clock_us: int) -> Iterator[_Entry]:
    while held and held[0][0] <= clock_us:
        yield held.popleft()
