"""Files come out in order of arrival, whatever their rows say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.door import Door
from connectors.mapping import load_mapping
from connectors.pseudonym import generate_keyring
from connectors.registry import load_channels
from dataflows.replay_source import Reading, Refusals, admit_events, admit_raw, arrivals

CHANNELS = load_channels()
KEYRING = generate_keyring()
DOOR = Door(CHANNELS, KEYRING)
MAPPING = """
apiVersion: mappings/v1
id: rows
version: 1
title: {zh: 表, en: rows}
format: {type: jsonl}
zone: Asia/Shanghai
channel: walkin
fields:
  id: number
  occurred_at: at
  ARRIVED
events:
  - action: received
tests:
  - name: a row is an event
    rows:
      - {number: x, at: "2026-03-09 10:00:00", came: "2026-03-09 11:00:00"}
    expect:
      - {id: x, occurred_at: "2026-03-09T02:00:00Z"}
"""


def read(path: Path, reading: Reading) -> list[str]:
    return [each.event.id for each in arrivals([(path, reading)], Refusals([], {}), lambda _: None)]


@pytest.mark.parametrize(("arrived", "order"), [("arrived_at: came", "bca"), ("", "abc")])
def test_raw_rows_are_sorted_by_what_the_mapping_takes_for_their_arrival(
    arrived: str, order: str, tmp_path: Path
) -> None:
    mapping, rows = tmp_path / "rows.yaml", tmp_path / "rows.jsonl"
    mapping.write_text(MAPPING.replace("ARRIVED", arrived), encoding="utf-8")
    came = {"a": "12", "b": "10", "c": "11"}
    rows.write_text(
        "\n".join(
            json.dumps({"number": id, "at": "2026-03-09 09:00:00", "came": f"2026-03-09 {hour}:00:00"})
            for id, hour in came.items()
        )
    )

    assert read(rows, admit_raw(DOOR, load_mapping(mapping, channels=CHANNELS, keyring=KEYRING))) == list(order)


def test_events_that_say_when_they_arrived_stand_right_among_those_that_do_not(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    told = [("a", "09:00", "10:00"), ("b", "09:05", ""), ("c", "09:30", "09:40"), ("d", "10:30", "")]
    file.write_text("\n".join(line(*each) for each in told))

    assert read(file, admit_events(DOOR)) == ["b", "c", "a", "d"]


def test_a_file_that_was_cut_is_said(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(b"\x1f\x8b\x08\x00")

    with pytest.raises(ValueError, match=r"file must be whole gzip; got .*events\.jsonl\.gz"):
        read(file, admit_events(DOOR))


def line(id: str, occurred: str, arrived: str) -> str:
    event = {"id": id, "channel": "walkin", "action": "received", "occurred_at": f"2026-03-09T{occurred}:00Z"}
    return json.dumps(event | ({"arrived_at": f"2026-03-09T{arrived}:00Z"} if arrived else {}))


def test_a_line_that_is_nested_too_deep_is_refused_and_the_others_come_in_their_order(tmp_path: Path) -> None:
    file, refusals = tmp_path / "events.jsonl", Refusals([], {})
    deep = line("a", "09:00", "09:01")[:-1] + ',"x":' + "[" * 5_000 + "]" * 5_000 + "}"
    file.write_text("\n".join((line("b", "09:00", "09:02"), deep, line("c", "09:00", "09:01"))))

    found = arrivals([(file, admit_events(DOOR))], refusals, lambda _: None)

    assert [each.event.id for each in found] == ["c", "b"]
    assert [letter.reason for letter in refusals.dead] == ["bad_json"]
