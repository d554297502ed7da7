"""`anlan city`: a simulated city's history as Event v1 lines, with the ground truth beside it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedWriter
from pathlib import Path
from typing import IO

import click
import msgspec

from dataflows.city import City
from dataflows.city.direct import events
from dataflows.city.planted import planted, write_cases
from dataflows.city.stories import YEAR_CATALOGUE
from dataflows.failures import said_plainly
from dataflows.history_progress import history_progress

YEAR_START = datetime.fromisoformat("2026-01-01T00:00:00+08:00")
REPORTS_PER_DAY = 875.0  # with handling and heartbeats 2.2 million events in a year
CHUNK = 2_000
FAST = 3  # of gzip: a third of the time of the usual level for a tenth more bytes


@click.command()
@click.option("--days", default=365, show_default=True, type=click.IntRange(1), help="How long the city lives.")
@click.option(
    "--reports-per-day",
    default=REPORTS_PER_DAY,
    show_default=True,
    type=click.FloatRange(1),
    help="Reports of an average day; handling steps and heartbeats make five to six times as many events.",
)
@click.option("--seed", default=1, show_default=True, help="Another city, other people, other chances.")
@click.option("--start", metavar="DATE", help="First day, local; default: 2026-01-01.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write; a name that ends with .gz is compressed.",
)
def city(days: int, reports_per_day: float, seed: int, start: str | None, out: Path) -> None:
    """Write a simulated city's history: one Event v1 a line, in order of arrival, and the ground truth beside it.

    Ten channels with the rhythm of days, weeks, public holidays and make-up workdays; reports, the steps of their
    handling, heartbeats, late rows and rows that come twice. Some thirty stories are planted each month: what the
    rules ought to find, and look-alikes that they ought to pass over. OUT.truth.json says which events they are,
    which rule should speak, and how high. People are made up, their tokens have keys of their own, and the same
    seed gives the same bytes.

    \b
    anlan city --out year.jsonl.gz                        # 2.2 million events, a minute or two
    anlan city --days 30 --seed 7 --out month.jsonl.gz
    anlan rules backtest month.jsonl.gz --truth month.truth.json --html backtest.html
    """
    with said_plainly():
        told = a_year(days, reports_per_day, seed, first_day(start))
        count = write_history(told, out)
        truth = truth_path(out)
        write_cases(truth, planted(told.stories))
    click.echo(f"{count:,} events in {out}, {len(told.stories):,} stories in {truth}")


def a_year(
    days: int = 365, reports_per_day: float = REPORTS_PER_DAY, seed: int = 1, start: datetime = YEAR_START
) -> City:
    """A city with all stories, as backtests want it: no broken rows, and no one met twice within a year."""
    return City(seed, start, days, reports_per_day, with_broken=False, catalogue=YEAR_CATALOGUE)


def first_day(text: str | None) -> datetime:
    """Midnight of a local date."""
    if text is None:
        return YEAR_START
    try:
        return datetime.fromisoformat(f"{text}T00:00:00+08:00")
    except ValueError:
        raise ValueError(f"--start must be a date; got `{text}`; write it as 2026-01-01") from None


def truth_path(out: Path) -> Path:
    """`year.jsonl.gz` has its truth in `year.truth.json`."""
    name = out.name.removesuffix(".gz").removesuffix(".jsonl")
    return out.with_name(f"{name}.truth.json")


def write_history(told: City, out: Path) -> int:
    """All events of a city; how many there were."""
    encode_into = msgspec.json.Encoder().encode_into
    lines, count = bytearray(), 0
    with _opened(out) as stream, history_progress("city", told.start_us, told.end_us) as seen:
        for event in events(told):
            encode_into(event, lines, -1)
            lines += b"\n"
            count += 1
            if count % CHUNK == 0:
                stream.write(lines)
                lines.clear()
                assert event.arrived_at is not None
                seen(event.arrived_at, CHUNK)
        stream.write(lines)
    return count


@contextmanager
def _opened(out: Path) -> Iterator[IO[bytes] | BufferedWriter]:
    """The file, and no half of one: it gets its name when it is complete. Compressed it holds no time of its own."""
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            if out.suffix == ".gz":
                with gzip.GzipFile("", "wb", FAST, file, mtime=datetime(1980, 1, 1, tzinfo=UTC).timestamp()) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield file
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
