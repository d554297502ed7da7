"""Histories that benchmarks are run over: files of Event v1 lines in order of arrival, made once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import msgspec

from alerts.model import Event
from dataflows.city.direct import events
from dataflows.cli.city import a_year

REPORTS_PER_DAY = 6_000.0  # a city of four million; with the steps of handling and heartbeats 34,000 events a day
LINES = 10_000  # written at once


def city_history(
    folder: Path, days: int, seen: Callable[[str], None], reports_per_day: float = REPORTS_PER_DAY
) -> Path:
    """The first days of a simulated city-year with its planted stories; the same bytes whenever it is made."""
    of = "" if reports_per_day == REPORTS_PER_DAY else f"-of-{reports_per_day:g}-a-day"
    path = folder / f"city-{days}-days{of}.jsonl"
    if not path.exists():
        seen(f"making {path.name}, {int(days * 5.7 * reports_per_day):,} events")
        write_history(path, events(a_year(days, reports_per_day)))
    return path


def write_history(path: Path, found: Iterable[Event]) -> None:
    """Events as lines; the file has its name when it is whole."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    encoder, following = msgspec.json.Encoder(), iter(found)
    with unfinished.open("wb") as out:
        while part := list(islice(following, LINES)):
            out.write(encoder.encode_lines(part))
    unfinished.replace(path)
