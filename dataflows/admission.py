"""Admission: what the ways in deliver becomes arrivals for the log, or dead letters; counted either way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple

import msgspec

from alerts.model import Act, Arrival, DeadLetter, Event
from connectors.action_door import admit_action
from connectors.deadletter import Dropped, RefusedError, show
from connectors.door import Door
from connectors.event_json import UNREADABLE, decode_event
from connectors.folder import FileRow
from connectors.joined_tokens import named_by
from connectors.kafka import ACTIONS, DEAD_LETTERS, INTAKE_LOG, RawRecord
from connectors.kafka_dead_letters import OF_INTAKE
from connectors.mapping import Mapping as RowMapping
from connectors.metrics import Metrics
from connectors.names import Names
from connectors.rows import Failure
from connectors.seal import SealError, Unsealer
from connectors.upstream import called_apart, holds_event, produced_us, require_not_ours, row_of

MAPPING = "mapping"  # header: which mapping reads the row; without it the topic's, else it is Event v1
SEALED = "sealed"  # header: the value is a sealed box
CONTENT = "content"  # header: the value is Event v1 whatever the topic's mapping, and where it has been
EVENT = b"event/1"  # as a department writes it
ADMITTED = b"admitted/1"  # it came through a door of ours, which heard its words before they were scrubbed

UNKNOWN = "unknown"  # channel in the books where the row did not say

Result = Event | DeadLetter | Dropped


class Admitted(NamedTuple):
    """What some raw rows became."""

    arrivals: list[Arrival | Act]
    dead: list[DeadLetter]  # that were refused here
    passed: list[DeadLetter]  # that another door has refused: they are in the topic already


class Admission:
    """The door for everything that comes in, with the books: received = admitted + dead-lettered + dropped."""

    def __init__(
        self,
        door: Door,
        mappings: Mapping[str, RowMapping],
        clock: Callable[[], int],
        metrics: Metrics,
        unsealer: Unsealer | None = None,
        topic_mappings: Mapping[str, str] | None = None,
        names: Names | None = None,
        upstream: Mapping[str, str] | None = None,
        own_log: str = INTAKE_LOG,
    ) -> None:
        """`upstream` are the logs of other installations that come in here, and whose each is; ours is `own_log`."""
        self._door = door
        self._deaf_door = Door(door.channels, door.privacy.keyring)
        self._mappings = mappings
        self._clock = clock
        self._metrics = metrics
        self._received = cache(metrics.events_received.labels)
        self._unsealer = unsealer
        self._topic_mappings = dict(topic_mappings or {})
        self._names = names
        self._upstream = dict(upstream or {})
        self._own_log = own_log
        self._named = _as_it_is if names is None else named_by(door.privacy.keyring, names)
        self._decode_dead = msgspec.json.Decoder(DeadLetter).decode

    def take_records(self, records: Iterable[RawRecord]) -> Admitted:
        """Rows from Kafka: sealed or open, raw or Event v1; dead letters of other doors pass through.

        A dead letter of another door is counted here, like the events that this door sent on.
        """
        admitted = Admitted([], [], [])
        now = self._clock()
        for record in records:
            if record.topic == DEAD_LETTERS:
                self._pass(record, admitted)
                continue
            if record.topic == ACTIONS:
                self._take_action(record, admitted)
                continue
            if (installation := self._upstream.get(record.topic)) is not None:
                self._take_upstream(record, installation, now, admitted)
                continue
            self._sort(self._read(record, now), record.source, record.produced_us, admitted, _channel(record.topic))
        self._save_names()
        return admitted

    def take_rows(self, rows: Iterable[FileRow]) -> Admitted:
        """Rows of dropped files."""
        admitted = Admitted([], [], [])
        now = self._clock()
        for each in rows:
            mapping = self._mappings[each.mapping]
            if isinstance(each.row, Failure):
                results: list[Result] = [self._door.admit_failure(mapping, each.row, each.source, now)]
            else:
                results = self._door.admit_row(mapping, each.row.fields, each.source, now)
            self._sort(results, each.source, 0, admitted, mapping.channel_of({}) or UNKNOWN)
        self._save_names()
        return admitted

    def _save_names(self) -> None:
        """Before anything goes to the log: nobody may be called otherwise when it is admitted again after a crash."""
        if self._names is not None:
            self._names.save()

    def _take_action(self, record: RawRecord, admitted: Admitted) -> None:
        try:
            action = admit_action(record.value, self._door.privacy)
        except RefusedError as error:
            refused = error.refused
            now = self._clock()
            letter = self._door.refuse(refused.reason, refused.sentence, record.value, record.source, now)
            admitted.dead.append(letter)
            self._metrics.actions_received.labels("dead_lettered").inc()
        else:
            admitted.arrivals.append(Act(0, action))
            self._metrics.actions_received.labels("admitted").inc()

    def _take_upstream(self, record: RawRecord, installation: str, now: int, admitted: Admitted) -> None:
        if not holds_event(record):
            return
        require_not_ours(record, installation, self._own_log)
        result = self._read_upstream(record, installation, now)
        place = record.source.removeprefix("kafka:")
        self._sort([result], row_of(record, installation), produced_us(record), admitted, UNKNOWN, place)

    def _read_upstream(self, record: RawRecord, installation: str, now: int) -> Event | DeadLetter:
        try:
            event = called_apart(decode_event(self._named(record.value)), installation)
        except RefusedError:
            return self._door.admit_event_json(record.value, record.source, now)
        found = self._deaf_door.admit_event(event, record.source, now)
        return found if isinstance(found, Event) else self._door.admit_event(event, record.source, now)

    def _read(self, record: RawRecord, now: int) -> list[Result]:
        value = record.value
        if record.headers.get(SEALED):
            try:
                value = self._open(value)
            except SealError as error:
                return [self._refuse(record, str(error), now)]
        content = record.headers.get(CONTENT)
        if content in (EVENT, ADMITTED):
            return [self._event(value, record.source, now, content == ADMITTED)]
        name = record.headers.get(MAPPING, b"").decode("utf-8", "replace")
        name = name or self._topic_mappings.get(record.topic, "")
        if not name:
            return [self._event(value, record.source, now, False)]
        mapping = self._mappings.get(name)
        if mapping is None:
            return [self._refuse(record, f"mapping of a row must be known; got {show(name)}", now)]
        return list(self._door.admit_row_json(mapping, value, record.source, now))

    def _event(self, value: bytes, source: str, now: int, is_admitted: bool) -> Result:
        """An event that was admitted before comes out the same: its words are not heard a second time."""
        if is_admitted:
            event = self._deaf_door.admit_event_json(self._named(value), source, now)
            if isinstance(event, Event):
                return event
        return self._door.admit_event_json(value, source, now)

    def _pass(self, record: RawRecord, admitted: Admitted) -> None:
        if OF_INTAKE in record.headers:
            return  # it comes from here
        try:
            letter = self._decode_dead(record.value)
        except UNREADABLE as error:
            letter = self._refuse(record, f"a dead letter must be readable; got {error}", self._clock())
        self._count_dead(letter, UNKNOWN)
        admitted.passed.append(letter)

    def _open(self, value: bytes) -> bytes:
        if self._unsealer is None:
            raise SealError("a sealed row must find a key; got none; set `seal_key`")
        return self._unsealer.unseal(value)

    def _refuse(self, record: RawRecord, sentence: str, now: int) -> DeadLetter:
        channel = _channel(record.topic)
        return self._door.refuse("bad_value", sentence, record.value, record.source, now, channel)

    def _sort(
        self,
        results: Iterable[Result],
        source: str,
        produced: int,
        admitted: Admitted,
        channel: str,
        upstream: str = "",
    ) -> None:
        metrics = self._metrics
        for number, result in enumerate(results):
            if isinstance(result, Event):
                self._received(result.channel).inc()
                place = f"{source}#{number}" if number else source
                admitted.arrivals.append(Arrival(result, 0, place, produced, upstream))
            elif isinstance(result, DeadLetter):
                self._count_dead(result, channel)
                admitted.dead.append(result)
            else:
                metrics.events_received.labels(channel).inc()
                metrics.events_dropped.labels(channel, result.reason).inc()

    def _count_dead(self, letter: DeadLetter, channel: str) -> None:
        self._metrics.events_received.labels(letter.channel or channel).inc()
        self._metrics.events_dead_lettered.labels(letter.channel or channel, letter.reason).inc()


def _as_it_is(value: bytes) -> bytes:
    return value


def _channel(topic: str) -> str:
    return topic.removeprefix("raw.")
