"""Dead letters tried again: the sealed row is opened and goes through the door once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from alerts.model import DeadLetter, Event
from connectors.deadletter import Dropped
from connectors.door import Door
from connectors.mapping import Mapping as RowMapping
from connectors.seal import SealError, Unsealer
from dataflows.outbox import Result, sendable


class Attempt(NamedTuple):
    """What a dead letter became: events, or the sentence why it is still none."""

    letter: DeadLetter
    events: list[Event]
    note: str  # what read it, and whether the mapping leaves it out; for the mark
    trouble: str  # "" where it went well


class Retrial:
    """Tries rows with the mapping they had, in its newest version, or with one for all.

    A row is whole or nothing: where one of its events fails again, none is sent.
    """

    def __init__(
        self,
        door: Door,
        unsealer: Unsealer,
        mappings: Mapping[str, RowMapping],
        clock: Callable[[], int],
        given: RowMapping | None = None,
    ) -> None:
        self._door = door
        self._unsealer = unsealer
        self._mappings = mappings
        self._clock = clock
        self._given = given

    def attempt(self, letter: DeadLetter) -> Attempt:
        """Try one letter; nothing is sent or marked."""
        try:
            mapping = self._mapping_of(letter)
            raw = self._row_of(letter, mapping)
        except (LookupError, SealError) as error:
            return Attempt(letter, [], "", str(error.args[0]))
        results = self._admit(mapping, raw, letter.source)
        dead = [result for result in results if isinstance(result, DeadLetter)]
        if dead:
            return Attempt(letter, [], "", dead[0].sentence)
        events = [result for result in results if isinstance(result, Event)]
        return Attempt(letter, events, _note(mapping, results), "")

    def _mapping_of(self, letter: DeadLetter) -> RowMapping | None:
        if self._given is not None or not letter.mapping:
            return self._given
        if letter.mapping not in self._mappings:
            raise LookupError(
                f"mapping of a dead letter must be known; got `{letter.mapping}`; give one with --mapping"
            )
        return self._mappings[letter.mapping]

    def _row_of(self, letter: DeadLetter, mapping: RowMapping | None) -> bytes:
        if not letter.sealed:
            raise LookupError(
                f"row of a dead letter must be kept; got none; send it again from where it stood ({letter.source})"
            )
        raw = self._unsealer.unseal(letter.sealed)
        is_object = raw.lstrip().startswith(b"{")
        if mapping is not None and mapping.format.type == "csv" and letter.mapping and not is_object:
            raise LookupError(
                "row must say its columns; got a line of a CSV file that could not be read; mend and send the file"
            )
        return raw if is_object else self._opened_again(raw)

    def _opened_again(self, raw: bytes) -> bytes:
        """The row in a box that its department closed and that came no further; other bytes stay."""
        try:
            return self._unsealer.unseal(raw)
        except SealError:
            return raw

    def _admit(self, mapping: RowMapping | None, raw: bytes, source: str) -> list[Result]:
        now = self._clock()
        results: Sequence[Result]
        if mapping is None:
            results = [self._door.admit_event_json(raw, source, now)]
        else:
            results = self._door.admit_row_json(mapping, raw, source, now)
        return sendable(self._door, results, lambda: raw, source, now)


def _note(mapping: RowMapping | None, results: Sequence[Result]) -> str:
    by = "event/1" if mapping is None else f"{mapping.id} {mapping.version}"
    dropped = sorted({result.reason for result in results if isinstance(result, Dropped)})
    return f"{by}, dropped: {', '.join(dropped)}" if dropped else by
