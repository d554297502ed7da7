"""`anlan size`: the table, the JSON, the plot, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from dataflows.cli.size import size
from dataflows.sizing.answers import answer
from dataflows.sizing.centre import Centre
from dataflows.sizing.costs import load_costs
from dataflows.sizing.page import amount


def run(*arguments: object) -> Result:
    return CliRunner().invoke(size, [*map(str, arguments)])


def test_it_says_each_line_with_its_formula() -> None:
    result = run("--residents", 4_000_000)

    assert result.exit_code == 0
    assert "4,000,000 residents, 34,000 events a day: 1 process of detection" in result.stdout
    shown = " ".join(result.stdout.split())
    for need in answer(Centre(), load_costs()).needs:
        assert f"│ {need.part} │ {need.what} │ {amount(need)} │ {need.formula[:20]}" in shown
        assert need.basis in shown


def test_as_json_it_is_the_whole_answer() -> None:
    found = json.loads(run("--residents", 25_000_000, "--memory-gb", 8, "--json").stdout)

    wanted = Centre(residents=25_000_000, memory_gb=8.0)
    assert found["processes"] == answer(wanted, load_costs()).processes
    assert {need[5] for need in found["needs"]} == {"measured", "extrapolated", "assumed"}


def test_what_is_given_counts() -> None:
    found = json.loads(run("--events-per-day", 68_000, "--rules", 60, "--json").stdout)

    assert (found["events_per_day"], found["centre"]["rules"]) == (68_000, 60)


def test_it_draws(tmp_path: Path) -> None:
    assert run("--plot", tmp_path / "size.svg").exit_code == 0
    assert (tmp_path / "size.svg").read_bytes().startswith(b"<?xml")


def test_what_cannot_be_is_one_sentence() -> None:
    result = run("--residents", 0)

    assert result.exit_code == 1
    assert result.stderr == "Error: `residents` must be `int` >= 1; got 0\n"
