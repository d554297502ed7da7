"""The city through the real door: good rows become events, broken ones dead letters with the right reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from alerts.model import DeadLetter, Event
from connectors.deadletter import Dropped
from connectors.door import Door
from connectors.identifiers import find_identifiers
from connectors.lexicon import load_lexicon
from connectors.mapping import Mapping, load_mappings
from connectors.pseudonym import Key, Keyring
from connectors.registry import load_channels
from connectors.rows import Failure, Row, read_rows
from dataflows.city import City
from dataflows.city.broken import broken_counts
from dataflows.city.city import MAPPINGS_FOLDER
from dataflows.city.wire import to_bytes, to_files

Answer = Event | DeadLetter | Dropped


class Intake:
    """Rows and files in, answers out; the clock is the arrival of what comes."""

    def __init__(self) -> None:
        self.door = Door(load_channels(), Keyring([Key("t1", bytes(32))]))
        self.mappings = load_mappings(
            MAPPINGS_FOLDER,
            channels=self.door.channels,
            keyring=self.door.privacy.keyring,
            lexicon=load_lexicon(),
        )

    def take(self, city: City, folder: Path) -> Iterator[Answer]:
        """Everything of a city, in the form in which its departments send it."""
        for row in city:
            if row.way != "file":
                mapping = self.mappings[row.mapping]
                yield from self.door.admit_row_json(mapping, to_bytes(row), "test", row.arrives_at_us)
        for drop in to_files(city):
            mapping = self.mappings[drop.mapping]
            path = folder / drop.name
            path.write_bytes(drop.content)
            yield from self._admit(mapping, read_rows(path, mapping.format), drop.arrives_at_us)

    def _admit(self, mapping: Mapping, rows: Iterator[Row | Failure], now_us: int) -> Iterator[Answer]:
        for row in rows:
            where = f"test:{row.position}"
            if isinstance(row, Failure):
                yield self.door.admit_failure(mapping, row, where, now_us)
            else:
                yield from self.door.admit_row(mapping, row.fields, where, now_us)


def test_the_city_enters_and_what_is_broken_is_dead_for_the_right_reason(tmp_path: Path) -> None:
    city = City(days=4, reports_per_day=150)

    answers = list(Intake().take(city, tmp_path))

    letters = [one for one in answers if isinstance(one, DeadLetter)]
    ids = {one.id for one in answers if isinstance(one, Event)}
    assert Counter(one.reason for one in letters) == broken_counts(city.start_us, city.days)
    assert all(story.event_ids <= ids for story in city.stories)
    for letter in letters:
        assert not find_identifiers(letter.raw + letter.sentence)
