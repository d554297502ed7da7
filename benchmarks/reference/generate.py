"""The events of job R, the same bytes everywhere: `python -m benchmarks.reference.generate NAME FOLDER`.

300,000 callers, a few of whom call often (Zipf, exponent 0.8: the busiest makes 1.7 % of all events), four channels,
120 regions, busy and quiet hours. 70 % of the events are reported within 5 s, 25 % within two minutes, 5 % within ten.
A line has about 485 bytes; most of it is a text of 40 to 80 Chinese characters that the job does not read: real lines
have one, and reading past it is part of the work.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from array import array
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from benchmarks.reference.definition import CHANNELS, DAY, HOUR
from benchmarks.reference.draws import bits, choices, units, zipf
from benchmarks.reference.wording import CATEGORIES, STATES, text_pool

CALLERS = 300_000
REGIONS = 120
PLACES = 40_000
SOUTH, WEST = 45.40, 84.70  # degrees
HEIGHT, WIDTH = 0.5, 0.6

# how often; each is divided by its sum
CHANNEL_SHARES = (0.28, 0.36, 0.10, 0.26)
HOUR_SHARES = (
    1,
    0.7,
    0.5,
    0.4,
    0.4,
    0.6,
    1.2,
    2.4,
    4.2,
    5,
    5,
    4.6,
    3.8,
    3.6,
    4.2,
    4.6,
    4.6,
    4.4,
    4,
    3.8,
    3.6,
    3,
    2.2,
    1.5,
)
CATEGORY_SHARES = (30, 22, 15, 11, 8, 6, 5, 3)
SEVERITY_SHARES = (0.30, 0.30, 0.20, 0.13, 0.07)
STATE_SHARES = (0.3, 0.3, 0.38, 0.02)

MIDNIGHT = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=8)))
INITIALS = "PHXG"  # of the event ids of each channel
AT_ONCE = 20_000  # lines written together


class DataSet(NamedTuple):
    """A size of the job, and what its four files must hash to, one after the other."""

    events: int
    days: int
    sha256: str


DATA_SETS = {
    "tiny": DataSet(2_000, 1, "cf26a2c5ef0f713fe8431cf1b3f320da745c78a925fe12c29cd8f413bd032256"),
    "p20": DataSet(20_000, 1, "b50f66f35e5971fa5af048d74d501e2a855e09c173c76f2513422365a7a87f8f"),
    "tenth": DataSet(200_000, 3, "362cdc87e39126c48610151b6210b3c4ab81c64f95e917728bbd55a33fdd8515"),
    "full": DataSet(2_000_000, 30, "f1aee788eb2852a50d7b777637d81a44355c103834eff7391058c2c8fae9ab47"),
    "long": DataSet(10_000_000, 150, "c937fafc8c52229cdfe84d387f8b0572256d7498023503c25f090cf52f4da622"),
}


def data_set(name: str, folder: Path) -> Path:
    """The folder of a data set below `folder`; it is made when it is not there."""
    found = folder / name
    if not found.exists():
        making = folder / f"{name}.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        write_events(DATA_SETS[name], making)
        making.rename(found)
    return found


def write_events(wanted: DataSet, folder: Path) -> None:
    """Write the four files. Raises ValueError when they are not the bytes that they must be."""
    written = hashlib.sha256()
    reports = _reports(wanted)
    line_of = _lines(reports)
    for channel, name in enumerate(CHANNELS):
        numbers = reports.of_channel(channel)
        with (folder / f"{name}.jsonl").open("wb") as file:
            for start in range(0, len(numbers), AT_ONCE):
                lines = "".join(map(line_of, numbers[start : start + AT_ONCE])).encode()
                file.write(lines)
                written.update(lines)
    if written.hexdigest() != wanted.sha256:
        raise ValueError(f"events must hash to `{wanted.sha256}`; got `{written.hexdigest()}` ({folder})")


class Reports(NamedTuple):
    """Who called when on which channel, by the number of the event; times are seconds since `MIDNIGHT`."""

    channels: bytes
    callers: Sequence[int]  # their ranks
    occurred: Sequence[int]
    reported: Sequence[int]

    def of_channel(self, channel: int) -> list[int]:
        """The numbers of its events, in the order in which they were reported."""
        numbers = (n for n, each in enumerate(self.channels) if each == channel)
        return sorted(numbers, key=self.reported.__getitem__)


def _reports(wanted: DataSet) -> Reports:
    numbers = range(wanted.events)
    callers = array("q", map(choices(2, zipf(CALLERS, 0.8)), numbers))
    occurred = array("q", map(_time_of_day(wanted.days), numbers))
    _part(callers, occurred)
    reported = array("q", map(int.__add__, occurred, map(_delay(), numbers)))
    return Reports(bytes(map(choices(1, CHANNEL_SHARES), numbers)), callers, occurred, reported)


def _time_of_day(days: int) -> Callable[[int], int]:
    day, hour, second = units(3), choices(4, HOUR_SHARES), units(5)
    return lambda n: int(day(n) * days) * DAY + hour(n) * HOUR + int(second(n) * HOUR)


def _delay() -> Callable[[int], int]:
    kind, length = units(6), units(7)

    def delay(n: int) -> int:
        drawn = kind(n)
        return int(length(n) * (5 if drawn < 0.70 else 120 if drawn < 0.95 else 599.99))

    return delay


def _part(callers: Sequence[int], occurred: array[int]) -> None:
    """Move events of a caller that fall into one second, a second at a time, until each has its own."""
    moved = True
    while moved:
        taken: set[int] = set()
        moved = False
        for n, (caller, at) in enumerate(zip(callers, occurred, strict=True)):
            place = caller << 32 | at
            if place in taken:
                occurred[n] += 1
                moved = True
            taken.add(place)


def _lines(reports: Reports) -> Callable[[int], str]:
    """What writes the event of a number as a line."""
    region, grid, category, severity = (
        choices(8, zipf(REGIONS, 0.7)),
        units(9),
        choices(10, CATEGORY_SHARES),
        choices(11, SEVERITY_SHARES),
    )
    state, place, north, east, text = choices(12, STATE_SHARES), units(13), units(14), units(15), units(18)
    token_high, token_low = bits(19), bits(20)
    regions, texts, minutes = [_region_code(rank) for rank in range(REGIONS)], text_pool(), _minutes(reports)

    def line(n: int) -> str:
        channel, caller, at, then = reports.channels[n], reports.callers[n], reports.occurred[n], reports.reported[n]
        code = regions[region(n)]
        return (
            f'{{"event_id":"{INITIALS[channel]}{n:09d}","channel":"{CHANNELS[channel]}",'
            f'"occurred_at":"{minutes[at // 60]}{at % 60:02d}+08:00",'
            f'"reported_at":"{minutes[then // 60]}{then % 60:02d}+08:00",'
            f'"region_code":"{code}","grid_code":"{code[-4:]}G{int(grid(n) * 20):02d}",'
            f'"category":"{CATEGORIES[channel][category(n)]}",'
            f'"caller":"{token_high(caller):016x}{token_low(caller):016x}","place_id":"L{int(place(n) * PLACES):05d}",'
            f'"severity":{severity(n) + 1},"status":"{STATES[state(n)]}","text":"{texts[int(text(n) * len(texts))]}",'
            f'"lat":{SOUTH + north(n) * HEIGHT:.6f},"lng":{WEST + east(n) * WIDTH:.6f}}}\n'
        )

    return line


def _region_code(rank: int) -> str:
    return f"6502{2 + rank % 4:02d}{1 + rank // 4 % 8:03d}{1 + rank // 32:03d}"


def _minutes(reports: Reports) -> list[str]:
    """The beginning of a time, for each minute."""
    last = max(reports.reported) // 60
    return [(MIDNIGHT + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:") for minute in range(last + 1)]


def main(name: str, folder: str) -> None:
    """Make a data set."""
    print(data_set(name, Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
