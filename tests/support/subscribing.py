"""A subscriber of the feeds for tests: its records are revisions, and it counts what comes again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from alerts.model import Revision
from connectors.subscriber import Record, Subscriber


def nobody(after: int, before: int) -> Iterable[Record]:
    """Has nothing to fill a hole with."""
    return ()


def a_revision_of(record: Record) -> Revision:
    """A record as the model reads it."""
    return msgspec.convert(record, Revision)


class RevisionReader(Subscriber):
    """Gives revisions instead of records; `duplicates` is how many it was given that say nothing."""

    duplicates = 0

    def read(self, *args: Any, handle: Callable[[Revision], object] = lambda revision: None, **options: Any) -> Any:
        found = super().read(*args, handle=lambda record: handle(a_revision_of(record)), **options)
        return [a_revision_of(record) for record in found]

    def alerts(self, only_open: bool = False) -> Any:
        return {name: a_revision_of(record) for name, record in super().alerts(only_open).items()}

    def _follow(self, records: list[tuple[str, Record]]) -> Iterator[Record]:
        begun = self.place[1]
        said = list(super()._follow(records))
        taken = [record for _, record in records if self._number(record) <= max(begun, self.place[1])]
        self.duplicates += len(taken) - len(said)
        return iter(said)


def revision_reader(url: str, county: str = "", **options: Any) -> RevisionReader:
    """A subscriber that gives revisions instead of JSON, and fills no hole unless told by whom."""
    return RevisionReader(url, options.pop("fill", nobody), county, **options)
