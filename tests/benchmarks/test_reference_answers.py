"""The plain loop is the reference for all others, so it is held against the definition of job R itself."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from benchmarks.reference import plain
from benchmarks.reference.changes import settle
from benchmarks.reference.compare import difference
from benchmarks.reference.definition import CHANNELS, DAY, HOTLINE, HOUR, OUTPUTS, PETITION, POLICE, WEEK

STARTS = 1_772_294_400  # an hour begins


class Happened(NamedTuple):
    at: int
    event_id: str
    channel: int
    caller: str
    severity: int


def some_events(seed: int) -> list[Happened]:
    """Few callers over ten days, so that windows fill and escalations happen."""
    drawn = random.Random(seed)
    moments = drawn.sample(range(10 * DAY), 400)
    return [
        Happened(STARTS + at, f"E{n:04d}", drawn.randrange(4), f"caller-{drawn.randrange(12)}", drawn.randint(1, 5))
        for n, at in enumerate(moments)
    ]


def write(events: list[Happened], folder: Path, seed: int) -> None:
    """Each channel in an order of arrival that overtakes by less than ten minutes."""
    drawn = random.Random(seed)
    folder.mkdir()
    for number, name in enumerate(CHANNELS):
        arriving = sorted(
            (each for each in events if each.channel == number), key=lambda e: e.at + drawn.randrange(600)
        )
        (folder / f"{name}.jsonl").write_bytes(b"".join(line(each) for each in arriving))


def line(event: Happened) -> bytes:
    occurred = datetime.fromtimestamp(event.at, UTC).isoformat()
    fields = {"event_id": event.event_id, "occurred_at": occurred, "caller": event.caller, "severity": event.severity}
    return orjson.dumps({**fields, "region_code": "650202001001", "category": "其他"}) + b"\n"


def by_definition(events: list[Happened]) -> dict[str, set[str]]:
    """Every event against every other, with nothing kept."""
    rows: dict[str, set[str]] = {output: set() for output in OUTPUTS}
    callers = defaultdict(list)
    for event in sorted(events):
        callers[event.caller].append(event)
    for known in callers.values():
        rows["o1"] |= set(repeats(known))
        rows["o2"] |= set(escalations(known))
    cells = defaultdict(list)
    for event in events:
        cells[(event.channel, event.at // HOUR)].append(event)
    for (channel, hour), inside in cells.items():
        distinct, worst = len({each.caller for each in inside}), max(each.severity for each in inside)
        rows["o3"].add(f"650202001001,{CHANNELS[channel]},其他,{hour},{len(inside)},{distinct},{worst}")
    return rows


def repeats(known: list[Happened]) -> list[str]:
    found: list[str] = []
    alerted_at = None
    for n, event in enumerate(known):
        window = [each for each in known[: n + 1] if event.at - DAY <= each.at]
        channels = {each.channel for each in window}
        is_quiet = alerted_at is not None and event.at - alerted_at < DAY
        if len(window) >= 3 and len(channels) >= 2 and not is_quiet:
            alerted_at = event.at
            mask = sum(1 << channel for channel in channels)
            found.append(f"{event.caller},{event.event_id},{event.at},{len(window)},{mask}")
    return found


def escalations(known: list[Happened]) -> list[str]:
    found: list[str] = []
    consumed = 0
    for n, q in enumerate(known):
        before = known[consumed:n]
        starts = [
            h.at
            for h in before
            for p in before
            if (h.channel, p.channel, q.channel) == (HOTLINE, PETITION, POLICE)
            and h.at < p.at
            and q.at - h.at <= WEEK
            and h.severity <= p.severity <= q.severity
        ]
        if starts:
            found.append(f"{q.caller},{q.event_id},{q.at},{max(starts)}")
            consumed = n + 1
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_plain_loop_does_what_the_definition_says(tmp_path: Path, seed: int) -> None:
    events = some_events(seed)
    write(events, tmp_path / "data", seed)

    plain.main(str(tmp_path / "data"), str(tmp_path / "out"))

    expected = by_definition(events)
    for output in OUTPUTS:
        rows = (tmp_path / "out" / output).read_text().splitlines()
        assert sorted(rows) == sorted(expected[output])
    assert expected["o1"]
    assert expected["o2"]


def answer(folder: Path, **rows: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in rows.items():
        (folder / name).write_text(text)
    return folder


def test_the_order_of_rows_is_no_difference(tmp_path: Path) -> None:
    reference, out = answer(tmp_path / "a", o1="x,1\ny,2\n"), answer(tmp_path / "b", o1="y,2\nx,1\n")

    assert difference("o1", reference, out).is_exact


def test_rows_may_be_in_several_files(tmp_path: Path) -> None:
    reference, out = (
        answer(tmp_path / "a", o1="x,1\ny,2\n"),
        answer(tmp_path / "b", **{"o1-0": "y,2\n", "o1-1": "x,1\n"}),
    )

    assert difference("o1", reference, out).is_exact


def test_rows_that_are_missing_and_rows_too_many_are_named(tmp_path: Path) -> None:
    reference, out = answer(tmp_path / "a", o1="x,1\ny,2\n"), answer(tmp_path / "b", o1="x,1\ny,3\n")

    found = difference("o1", reference, out)

    assert (found.missing, found.extra) == (("y,2",), ("y,3",))
    assert found.share == pytest.approx(1 / 3)


def test_a_row_that_comes_twice_is_once_too_many(tmp_path: Path) -> None:
    reference, out = answer(tmp_path / "a", o1="x,1\n"), answer(tmp_path / "b", o1="x,1\nx,1\n")

    assert difference("o1", reference, out).extra == ("x,1",)


def test_an_output_that_was_not_written_is_missing(tmp_path: Path) -> None:
    reference, out = answer(tmp_path / "a", o1="x,1\n"), answer(tmp_path / "b")

    assert difference("o1", reference, out).missing == ("x,1",)


def test_a_row_that_was_taken_back_is_no_answer(tmp_path: Path) -> None:
    alerts = 'row,time,diff\n"o1,x,1",0,1\n"o1,x,1",2,-1\n"o2,y,2",2,1\n'
    cells = "region,events,time,diff\nr,1,0,1\nr,1,2,-1\nr,2,2,1\n"
    out = answer(tmp_path / "a", **{"alerts.csv": alerts, "cells.csv": cells})

    settle(out)

    assert [(out / output).read_text() for output in OUTPUTS] == ["", "y,2\n", "r,2\n"]
