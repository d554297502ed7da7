"""`python -m benchmarks` runs what is named, and goes on when one fails."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.catalogue import Benchmark
from benchmarks.options import Options
from benchmarks.report import Plot, Report, from_json

OPTIONS = Options(1, "small", Path(), lambda _: None)


def good(options: Options) -> Report:
    options.seen("measuring")
    rows = ((options.size, float(options.runs)),)
    return Report(title="Good", columns=("size", "runs"), rows=rows, plot=Plot("size", ("runs",)))


def bad(options: Options) -> Report:
    raise RuntimeError("the server must answer; got nothing")


@pytest.fixture(autouse=True)
def two_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"bad": Benchmark("bad", "Bad", bad), "good": Benchmark("good", "Good", good)}
    monkeypatch.setattr(command, "MODULES", dict.fromkeys(found, ""))
    monkeypatch.setattr(command, "benchmark", found.__getitem__)
    monkeypatch.setattr(command.main.params[0], "type", click.Choice(list(found)))


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(
        command.main, [*arguments, "--out", str(folder / "out"), "--scratch", str(folder / "scratch")]
    )
    return done.exit_code, done.output


def test_a_benchmark_leaves_its_table_its_figures_and_its_plot(tmp_path: Path) -> None:
    code, said = run(tmp_path, "good", "--runs", "7")

    assert code == 0
    assert "Good" in said
    assert from_json((tmp_path / "out" / "good.json").read_bytes()).rows == (("small", 7.0),)
    assert "| small | 7.00 |" in (tmp_path / "out" / "good.md").read_text()
    assert (tmp_path / "out" / "good.svg").exists()


@pytest.mark.parametrize(("size", "runs"), [("small", 3.0), ("full", 5.0)])
def test_the_size_says_how_often_programs_are_run(tmp_path: Path, size: str, runs: float) -> None:
    run(tmp_path, "good", "--size", size)

    assert from_json((tmp_path / "out" / "good.json").read_bytes()).rows == ((size, runs),)


def test_a_report_with_a_fault_is_written_and_the_end_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = msgspec.structs.replace(good(OPTIONS), faults=("it must be near; got far",))
    monkeypatch.setattr(command, "benchmark", lambda name: Benchmark(name, "Good", lambda options: faulty))

    code, said = run(tmp_path, "good")

    assert (code, "it must be near; got far" in said, "these failed: good" in said) == (1, True, True)
    assert from_json((tmp_path / "out" / "good.json").read_bytes()).faults == faulty.faults


def test_when_one_fails_the_others_are_run_and_the_end_says_which(tmp_path: Path) -> None:
    code, said = run(tmp_path)

    assert code == 1
    assert "the server must answer; got nothing" in said
    assert "these failed: bad" in said
    assert (tmp_path / "out" / "good.json").exists()
