"""`anlan rules backtest`: what a rule book would have said over a history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.channel import Channel
from alerts.model import Arrival, to_us
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.backtest import backtest as run_backtest
from dataflows.backtest_cases import watched_by
from dataflows.backtest_report import RED_A_DAY, Report, report, say_span
from dataflows.city import City
from dataflows.city.direct import events
from dataflows.city.planted import Case, planted, read_cases, read_labels
from dataflows.cli.city import REPORTS_PER_DAY, a_year, first_day
from dataflows.failures import said_plainly
from dataflows.history_origin import READABLE, Instant, Origin, origin_options
from dataflows.history_progress import history_progress
from dataflows.replay_source import Refusals

FILE_OR_FOLDER = click.Path(exists=True, path_type=Path)
STYLES = ("blue", "yellow", "red")


@click.command()
@origin_options
@click.option("--until", metavar="DATE", type=Instant(), help="Of the pool, only what arrived before this local day.")
@click.option("--city-year", is_flag=True, help="A simulated city, made on the way, with its planted stories.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1), help="Of the simulated city.")
@click.option("--seed", default=1, show_default=True, help="Of the simulated city.")
@click.option("--start", metavar="DATE", help="First day of the simulated city; default: 2026-01-01.")
@click.option("--rules", multiple=True, type=FILE_OR_FOLDER, help="Rule files or folders; default: the shipped ones.")
@click.option("--against", multiple=True, type=FILE_OR_FOLDER, help="Another version of them, to compare with.")
@click.option("--truth", type=READABLE, help="Planted cases as `anlan city` writes them.")
@click.option("--labels", type=READABLE, help="Known cases as CSV: rule, outcome_at, and key or event_id.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON instead of a table.")
def backtest(
    origin: Origin, until: int | None, city_year: bool, days: int, seed: int, start: str | None,
    rules: tuple[Path, ...], against: tuple[Path, ...], truth: Path | None, labels: Path | None, html: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Run a rule book over a history: how often would it have spoken, where, and what would it have found.

    The history is FILES (Event v1 as JSON lines, or raw rows with --mapping; plain or .gz), the data pool behind
    --pool, or --city-year. An alert counts once, with its highest level, on the day it reached that level. The lead
    of a known case is the time from the moment the alert stood at the level it had to reach to the end of the case.

    \b
    anlan rules backtest --city-year --html backtest.html         # the shipped book over a simulated year
    anlan rules backtest --city-year --days 30 --rules my-rules/
    anlan rules backtest --pool http://localhost:8123/default --since 2026-01-01 --rules my-rules/
    anlan rules backtest 2025.jsonl.gz --rules my.yaml --against alerts/rules/life-safety/violence_progression.yaml
    """
    origin = origin._replace(until=until)
    origin.require_one(**{"--city-year": city_year})
    with said_plainly():
        channels = load_channels()
        books = [load_rules(list(rules) or [RULES_FOLDER], channels)]
        if against:
            books.append(load_rules(list(against), channels))
        books = origin.answerable(*books)
        city = a_year(days, REPORTS_PER_DAY, seed, first_day(start)) if city_year else None
        cases = _cases(city, truth, labels)
        found = _of_city(city) if city else _of_origin(origin, channels)
        span = (city.start_us, city.end_us) if city else origin.span()
        with history_progress("backtest", *span) as seen:
            runs = run_backtest(found, books, channels, watched_by(cases), seen)
        if not runs[0].events:
            raise ValueError("a history must have at least one event; got none")
        figures = report(runs[0], cases, runs[1] if against else None)
        if html is not None:
            _write_page(html, figures, rules)
    if as_json:
        click.echo(msgspec.json.encode(plain(figures)))
    else:
        _show(_console(), figures)


def _cases(city: City | None, truth: Path | None, labels: Path | None) -> list[Case]:
    return [
        *(planted(city.stories) if city else ()),
        *(read_cases(truth) if truth else ()),
        *(read_labels(labels) if labels else ()),
    ]


def _of_city(city: City) -> Iterator[Arrival]:
    for number, event in enumerate(events(city)):
        assert event.arrived_at is not None
        yield Arrival(event, to_us(event.arrived_at), f"city:{number}")


def _of_origin(origin: Origin, channels: dict[str, Channel]) -> Iterator[Arrival]:
    refusals = Refusals([], {})
    yield from origin.arrivals(channels, refusals, lambda _: None)
    refused = len(refusals.dead) + sum(refusals.dropped.values())
    if refused:
        click.echo(f"{refused:,} rows became no event; `anlan replay` says why", err=True)


def _write_page(path: Path, figures: Report, rules: Sequence[Path]) -> None:
    from dataflows.backtest_page import page  # plotly takes a while to load

    title = ", ".join(each.name for each in rules) or "随附规则集 the shipped book"
    path.write_text(page(figures, title), encoding="utf-8")
    click.echo(f"page: {path}", err=True)


def _show(console: Console, figures: Report) -> None:
    has_cases = bool(figures.judged)
    table = Table("rule", *STYLES, "a day", "retracted", "counties", title_justify="left", title=_headline(figures))
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    if has_cases:
        for name in ("found", "median lead", "beside cases"):
            table.add_column(name, justify="right")
    for rule in figures.rules:
        cells: list[str | Text] = [rule.rule + (" (shadow)" if rule.is_shadow else "")]
        cells += [Text(f"{n:,}", style=style if n else "dim") for n, style in zip(rule.levels, STYLES, strict=True)]
        cells += [f"{rule.per_day:.2f}", f"{rule.retracted:,}", str(len(rule.counties))]
        if has_cases:
            found = f"{rule.found}/{rule.planted}" if rule.planted else "–"
            style = "" if rule.found == rule.planted else "bold red"
            cells += [Text(found, style=style), say_span(rule.lead_us), f"{rule.unplanted:,}"]
        table.add_row(*cells)
    console.print(table)
    _show_load(console, figures)
    if has_cases:
        _show_cases(console, figures)
    if figures.overlaps:
        _show_overlap(console, figures)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _headline(figures: Report) -> str:
    return f"{sum(figures.events.values()):,} events in {figures.days:,} days from {figures.first_day}"


def _show_load(console: Console, figures: Report) -> None:
    for name, count in zip(STYLES, figures.totals, strict=True):
        console.print(f"[{name}]{name:<7}[/] {count / figures.days:8.2f} a day")
    verdict = (
        "a duty desk can carry that" if figures.is_carried else f"more than the {RED_A_DAY} that a duty desk carries"
    )
    console.print(f"red: {verdict}; {figures.most_red} on the worst day")


def _show_cases(console: Console, figures: Report) -> None:
    judged = len(figures.judged) - figures.counted("not_judged")
    console.print(f"cases: {figures.counted('found')} of {judged} found, median lead {say_span(figures.lead_us)}")
    for one in figures.judged:
        if one.outcome in ("missed", "too_low"):
            got = f"only {one.level}" if one.level else "nothing"
            console.print(f"  [red]✗[/] {one.case.rule} must reach {one.case.must_reach} for {one.case.id} "
                          f"{one.case.zh}; got {got}", highlight=False)  # fmt: skip
    unknown = sorted({one.case.rule for one in figures.judged if one.outcome == "not_judged"})
    if unknown:
        console.print(
            f"  not judged, for their rules are not loaded: {', '.join(unknown)}", style="dim", highlight=False
        )


def _show_overlap(console: Console, figures: Report) -> None:
    columns = ("rule", "only A", "both", "only B", "A earlier by", "another level")
    table = Table(*columns, title="A (--rules) and B (--against)", title_justify="left")
    for row in figures.overlaps:
        earlier = say_span(row.median_earlier_us)
        table.add_row(row.rule, *map(str, (row.only_a, row.both, row.only_b)), earlier, str(row.level_changed))
    console.print(table)


def plain(figures: Report) -> dict[str, Any]:
    """The figures as plain data for machines; times in seconds."""
    return {
        "first_day": figures.first_day.isoformat(),
        "days": figures.days,
        "events": figures.events,
        "alerts_per_day": _per_day(figures.totals, figures.days),
        "red_on_the_worst_day": figures.most_red,
        "red_is_carried": figures.is_carried,
        "daily": figures.daily,
        "rules": [
            {
                "rule": rule.rule,
                "shadow": rule.is_shadow,
                "alerts": dict(zip(STYLES, rule.levels, strict=True)),
                "alerts_per_day": _per_day(rule.levels, rule.days),
                "highest": rule.highest,
                "retracted": rule.retracted,
                "revisions": rule.revisions,
                "late_events": rule.late,
                "counties": rule.counties,
                "cases": rule.planted,
                "cases_found": rule.found,
                "median_lead_seconds": _seconds(rule.lead_us),
                "beside_cases": rule.unplanted,
                "budget": rule.budget,
                "budget_broken": list(rule.broken),
            }
            for rule in figures.rules
        ],
        "cases": [
            {
                "id": one.case.id,
                "zh": one.case.zh,
                "rule": one.case.rule,
                "must_reach": one.case.must_reach,
                "outcome": one.outcome,
                "level": one.level,
                "lead_seconds": _seconds(one.lead_us),
            }
            for one in figures.judged
        ],
        "overlap": [
            {
                "rule": row.rule,
                "only_a": row.only_a,
                "both": row.both,
                "only_b": row.only_b,
                "a_earlier_median_seconds": _seconds(row.median_earlier_us),
                "another_level": row.level_changed,
            }
            for row in figures.overlaps
        ],
    }


def _per_day(levels: Sequence[int], days: int) -> dict[str, float]:
    return {level: round(count / days, 3) for level, count in zip(STYLES, levels, strict=True)}


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / 1e6
