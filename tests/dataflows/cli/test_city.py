"""`anlan city` writes a history and its truth."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from alerts.model import Event
from dataflows.city.planted import read_cases
from dataflows.cli.city import city


def run(*arguments: object) -> Result:
    return CliRunner().invoke(city, [*map(str, arguments)])


def test_a_history_is_event_lines_in_order_with_the_truth_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "week.jsonl.gz"

    result = run("--days", 7, "--reports-per-day", 60, "--out", out)

    assert result.exit_code == 0, result.output
    events = [msgspec.json.decode(line, type=Event) for line in gzip.decompress(out.read_bytes()).splitlines()]
    arrivals = [event.arrived_at for event in events if event.arrived_at]
    ids = {event.id for event in events}
    cases = read_cases(tmp_path / "week.truth.json")
    assert arrivals == sorted(arrivals)
    assert f"{len(events):,} events" in result.output
    assert cases
    assert all(set(case.event_ids) <= ids for case in cases)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["week.jsonl.gz", "week.truth.json"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        assert run("--days", 1, "--reports-per-day", 30, "--seed", 5, "--out", tmp_path / name).exit_code == 0

    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_a_start_that_is_no_date_is_refused(tmp_path: Path) -> None:
    result = run("--days", 1, "--start", "yesterday", "--out", tmp_path / "x.jsonl")

    assert result.exit_code == 1
    assert "--start must be a date; got `yesterday`; write it as 2026-01-01" in result.output
