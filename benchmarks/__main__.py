"""Runs benchmarks and writes what they found: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from benchmarks.catalogue import MODULES, benchmark
from benchmarks.options import Options
from benchmarks.plot import to_svg
from benchmarks.report import Report, to_json, to_markdown, to_table

HERE = Path(__file__).parent
WIDTH = 140  # of tables that go to a file
RUNS = {"small": 3, "full": 5}


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("names", nargs=-1, type=click.Choice(list(MODULES)))
@click.option("--runs", type=click.IntRange(min=1), help="Counted runs of each program; 3, with full size 5.")
@click.option("--size", type=click.Choice(["small", "full"]), default="small", show_default=True)
@click.option("--with-slow", is_flag=True, help="Also the programs that take minutes each.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE / "results")
@click.option("--scratch", type=click.Path(path_type=Path, file_okay=False), default=Path("data/benchmarks"))
def main(names: tuple[str, ...], runs: int | None, size: str, with_slow: bool, out: Path, scratch: Path) -> None:
    """Run benchmarks by NAME, all of them when none is named: a table here; JSON, Markdown and a plot into --out."""
    said, shown = Console(stderr=True), Console(width=None if sys.stdout.isatty() else WIDTH)
    out.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in names or MODULES:
        options = Options(
            runs=runs or RUNS[size], size=size, scratch=scratch.resolve(), with_slow=with_slow,
            seen=partial(_say, said, name),
        )  # fmt: skip
        try:
            report = benchmark(name).run(options)
        except Exception:  # the others are still worth running, and the end says that this one failed
            said.print_exception()
            failed.append(name)
            continue
        shown.print(to_table(report))
        write(report, name, out)
        if report.faults:
            said.print("\n".join(report.faults), style="red", highlight=False, markup=False)
            failed.append(name)
    if failed:
        said.print(f"these failed: {', '.join(failed)}", style="red")
        sys.exit(1)


def _say(said: Console, name: str, what: str) -> None:
    said.print(f"{name}: {what}", style="dim", highlight=False, markup=False)


def write(report: Report, name: str, folder: Path) -> None:
    """`NAME.json`, `NAME.md`, and `NAME.svg` when there is something to draw."""
    (folder / f"{name}.json").write_bytes(to_json(report))
    (folder / f"{name}.md").write_text(to_markdown(report))
    if (svg := to_svg(report)) is not None:
        (folder / f"{name}.svg").write_bytes(svg)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
