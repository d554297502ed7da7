"""The records of the intake log, partition by partition: from the broker, or from a writer in this process."""

from __future__ import annotations

from connectors.handover import Handover
from connectors.kafka_client import Place
from connectors.kafka_reader import POLL_SECONDS, RawRecord, Reader


class LogReader:
    """Reads from the broker until a partition's next record is handed over, and again where one is missing.

    However it came, a record is the same bytes at the same offset, and none is left out or comes twice.
    """

    def __init__(self, reader: Reader, batch: int, handover: Handover) -> None:
        self._reader = reader
        self._batch = batch
        self._handover = handover
        self._next = dict(reader.starts)
        self._handed: set[Place] = set()  # the partitions that are not read from the broker
        self._paused: set[Place] = set()

    @property
    def places(self) -> list[Place]:
        """Every partition."""
        return self._reader.places

    @property
    def has_seen_the_end(self) -> bool:
        """Whether every partition was read up to what was its end at that moment."""
        return self._reader.has_seen_the_end

    def read(self) -> list[RawRecord]:
        """What has come."""
        self._handover.hear()
        records = self._read_handed()
        # to wait for the broker is for those who get everything from there
        waits = not records and len(self._handed) < len(self.places)
        for record in self._reader.read(POLL_SECONDS if waits else 0):
            place = record.topic, record.partition
            if record.offset >= self._next[place]:
                self._next[place] = record.offset + 1
                records.append(record)
        return records

    def _read_handed(self) -> list[RawRecord]:
        records: list[RawRecord] = []
        for place in self.places:
            if place in self._paused:
                continue
            found = self._take(place)
            if found and place not in self._handed:
                self._handed.add(place)
                self._reader.leave(place)
            elif not found and place in self._handed and self._handover.has_gap(place[1], self._next[place]):
                self._handed.discard(place)
                self._reader.go_on(place, self._next[place])
            records += found
        self._reader.passed(records)
        return records

    def _take(self, place: Place) -> list[RawRecord]:
        stored = self._handover.take(place[1], self._next[place], self._batch)
        self._next[place] += len(stored)
        return [RawRecord(*place, each.offset, None, each.value, dict(each.headers), 0) for each in stored]

    def pause(self, place: Place) -> None:
        """Leave a partition alone for a while."""
        self._paused.add(place)
        if place not in self._handed:
            self._reader.pause(place)

    def resume(self, place: Place) -> None:
        """Go on with a partition."""
        self._paused.discard(place)
        if place not in self._handed:
            self._reader.resume(place)

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
