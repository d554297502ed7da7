"""`anlan rules backtest`: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from connectors.rulebook import RULES_FOLDER
from dataflows.cli.city import city
from dataflows.cli.rules_backtest import backtest

REPEAT = RULES_FOLDER / "service-quality" / "repeat_contact.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(backtest, [*map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of a small city, its truth, and a stricter version of one rule."""
    folder = tmp_path_factory.mktemp("history")
    out = str(folder / "month.jsonl.gz")
    made = CliRunner().invoke(city, ["--days", "30", "--reports-per-day", "40", "--out", out])
    assert made.exit_code == 0, made.output
    stricter = REPEAT.read_text(encoding="utf-8").replace("gte: 3, level: blue", "gte: 4, level: blue")
    (folder / "stricter.yaml").write_text(stricter, encoding="utf-8")
    return folder


def figures(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def test_files_and_their_truth_give_a_table_and_a_page(folder: Path) -> None:
    html = folder / "page.html"
    truth = folder / "month.truth.json"

    result = run(folder / "month.jsonl.gz", "--truth", truth, "--rules", REPEAT, "--html", html)

    assert result.exit_code == 0, result.output
    assert "rc.repeat-contact" in result.output
    assert "cases: 2 of 2 found" in result.output
    assert "red: a duty desk can carry that; 0 on the worst day" in result.output
    assert "not judged, for their rules are not loaded: cs.channel-silent, cx.channel-climb" in result.output
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_two_versions_are_compared(folder: Path) -> None:
    said = figures(folder / "month.jsonl.gz", "--rules", REPEAT, "--against", folder / "stricter.yaml")

    (row,) = said["overlap"]
    assert row["only_a"] == 1, "three calls in four days"
    assert row["both"] == 1
    assert row["only_b"] == 0
    assert row["a_earlier_median_seconds"] > 0


def test_labels_are_cases(folder: Path) -> None:
    (first, *_) = [
        one for one in msgspec.json.decode((folder / "month.truth.json").read_bytes()) if one["id"] == "quarrel/0"
    ]
    event = next(one for one in first["event_ids"] if one.startswith("police"))
    labels = folder / "labels.csv"
    labels.write_text(f"rule,event_id,outcome_at\nrc.repeat-contact,{event},2026-02-01T00:00:00+08:00\n")

    said = figures(folder / "month.jsonl.gz", "--rules", REPEAT, "--labels", labels)

    (case,) = said["cases"]
    assert case["outcome"] == "found"
    assert case["lead_seconds"] > 20 * 86_400


def test_a_city_made_on_the_way_gives_what_its_file_gives() -> None:
    said = figures("--city-year", "--days", 2, "--rules", REPEAT)

    assert said["days"] == 2
    assert {one["rule"] for one in said["cases"] if one["outcome"] == "found"} == {"rc.repeat-contact"}


def test_an_empty_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")

    result = run(tmp_path / "empty.jsonl", "--rules", REPEAT)

    assert result.exit_code == 1
    assert "a history must have at least one event; got none" in result.output
