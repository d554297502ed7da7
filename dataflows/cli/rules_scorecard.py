"""`anlan rules scorecard`: what each rule has said, what people made of it, and its noise budget."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connectors.clickhouse import Pool
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.backtest_tally import AlertLine
from dataflows.failures import said_plainly
from dataflows.scorecard import DISPOSITIONS, Score, days_of, lines_of_files, lines_of_pool, scorecard
from dataflows.servers import pool_named

LEVEL_NAMES = ("blue", "yellow", "red")


@click.command("scorecard")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--pool", metavar="DSN", help="A data pool: chdb:///folder or http://host:8123/database.")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Rule files or folders with the budgets; default: the shipped ones.",
)
@click.option("--days", type=click.IntRange(1), help="How long the files span; default: from first to last alert.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a rule breaks its noise budget.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def scorecard_command(
    files: tuple[Path, ...], pool: str | None, rules: tuple[Path, ...], days: int | None, strict: bool, as_json: bool
) -> None:
    """Say for each rule how much it spoke, how often it was wrong, and whether it kept its noise budget.

    What was said comes from a data pool, with what people decided about it (dispositions), or from FILES of
    revisions as `anlan replay --revisions-out` writes them. An alert counts once, with its highest level. The
    budget stands in the rule file, in alerts a day: `budget: {blue: 10, yellow: 3, red: 0.5}`.

    \b
    anlan rules scorecard --pool http://localhost:8123/default
    anlan replay events.jsonl --revisions-out r.jsonl && anlan rules scorecard r.jsonl --strict

    Exits with 0, or with --strict with 1 if a budget is broken.
    """
    if bool(files) == bool(pool):
        raise click.UsageError("one of FILES and --pool must be given; got " + ("both" if files else "neither"))
    with said_plainly():
        book = load_rules(list(rules) or [RULES_FOLDER], load_channels())
        lines, span = _read(files, pool)
        scores = scorecard(lines, book, days or span)
    if as_json:
        click.echo(msgspec.json.encode([plain(score) for score in scores]))
    else:
        _show(_console(), scores)
    if strict and any(score.broken for score in scores):
        sys.exit(1)


def _read(files: Sequence[Path], pool: str | None) -> tuple[list[AlertLine], int]:
    if pool is None:
        lines = lines_of_files(files)
        return lines, days_of(lines)
    with Pool(pool_named(pool)) as opened:
        return lines_of_pool(opened)


def _show(console: Console, scores: Sequence[Score]) -> None:
    days = scores[0].days if scores else 0
    columns = ("rule", *LEVEL_NAMES, "a day", "retracted", "decided", "false", "noise budget")
    table = Table(*columns, title=f"{days:,} days", title_justify="left")
    table.columns[0].no_wrap = True
    for column in table.columns[1:-1]:
        column.justify = "right"
    for score in scores:
        false = "–" if score.false_share is None else f"{score.false_share:.0%}"
        levels = [Text(f"{n:,}", style=name if n else "dim") for n, name in zip(score.levels, LEVEL_NAMES, strict=True)]
        name = score.rule if score.is_loaded else f"{score.rule} (not loaded)"
        cells = (f"{score.per_day:.2f}", str(score.retracted), str(score.decided), false, _budget(score))
        table.add_row(name, *levels, *cells)
    console.print(table)
    for score in scores:
        if score.dispositions:
            said = ", ".join(f"{name} {score.dispositions[name]:,}" for name in _known(score))
            console.print(f"{score.rule}: {said}", highlight=False)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _known(score: Score) -> list[str]:
    """The dispositions that were given, the usual ones in their usual order."""
    usual = [name for name in DISPOSITIONS if name in score.dispositions]
    return usual + sorted(set(score.dispositions) - set(usual))


def _budget(score: Score) -> Text:
    if not score.budget:
        return Text("none", style="dim")
    if not score.broken:
        return Text("kept", style="green")
    said = ", ".join(f"{level} {rate:.2f} a day, not {score.budget[level]:g}" for level, rate in score.broken.items())
    return Text(f"broken: {said}", style="bold red")


def plain(score: Score) -> dict[str, Any]:
    """A score as plain data for machines."""
    return {
        "rule": score.rule,
        "loaded": score.is_loaded,
        "days": score.days,
        "alerts": dict(zip(LEVEL_NAMES, score.levels, strict=True)),
        "alerts_per_day": round(score.per_day, 3),
        "revisions": score.revisions,
        "retracted": score.retracted,
        "dispositions": score.dispositions,
        "false_share": score.false_share,
        "budget": score.budget,
        "budget_broken": {level: round(rate, 3) for level, rate in score.broken.items()},
    }
