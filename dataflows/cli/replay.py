"""`anlan replay`: files through the same flow as production, without servers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from connectors.address import Where
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.failures import said_plainly
from dataflows.history_origin import READABLE, arrivals_of_files
from dataflows.history_progress import rows_progress
from dataflows.replay import Replayed, write_lines
from dataflows.replay import replay as replay_arrivals
from dataflows.replay_source import Refusals
from dataflows.servers import pool_named

WRITABLE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, type=READABLE)
@click.option("--mapping", type=READABLE, help="The files hold raw rows; this mapping reads them.")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True),
    help="Rule files or folders; default: the shipped ones.",
)
@click.option("--alerts-out", type=WRITABLE, help="Last revision of every alert, JSON lines.")
@click.option("--revisions-out", type=WRITABLE, help="Every revision in order, JSON lines.")
@click.option("--events-out", type=WRITABLE, help="Every event with its matter, JSON lines.")
@click.option("--deadletters-out", type=WRITABLE, help="Every row that could not become an event, JSON lines.")
@click.option("--pool", metavar="DSN", help="Fill a data pool as well: chdb:///folder or http://host:8123/database.")
@click.option("--keyring", type=READABLE, help="Keys of the pseudonyms; default: a key for this run only.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Worker threads; the answer is the same.",
)
def replay(
    files: tuple[Path, ...], mapping: Path | None, rules: tuple[str, ...], alerts_out: Path | None,
    revisions_out: Path | None, events_out: Path | None, deadletters_out: Path | None, pool: str | None,
    keyring: Path | None, workers: int,
) -> None:  # fmt: skip
    """Run FILES through the flow: Event v1 as JSON lines, or raw rows with --mapping. Plain or .gz.

    Events are taken in order of arrival: `arrived_at` where given, else the order of the file. Ends with a table
    of what went in and what came out.

    \b
    anlan replay events.jsonl --alerts-out alerts.jsonl
    anlan replay export.csv.gz --mapping connectors/mappings/pingshan-minsheng.yaml
    """
    with said_plainly():
        channels = load_channels()
        chosen = load_rules(list(rules) or [RULES_FOLDER], channels)
        dsn: Where = ""
        if pool:
            dsn = pool_named(pool)
            _make_pool(dsn)
        refusals = Refusals([], {})
        with rows_progress("rows") as seen:
            found = arrivals_of_files(files, mapping, keyring, channels, refusals, seen)
            replayed = replay_arrivals(
                found,
                chosen,
                channels,
                workers=workers,
                keep_events=events_out is not None,
                pool_dsn=dsn,
            )
        _write(replayed, refusals, alerts_out, revisions_out, events_out, deadletters_out)
        _report(replayed, refusals)


def _make_pool(dsn: Where) -> None:
    """The tables, with no end to what they keep: a replay is about the past."""
    from connectors.clickhouse import Pool
    from connectors.clickhouse_schema import FOR_EVER

    with Pool(dsn) as pool:
        pool.migrate(FOR_EVER)


def _write(
    replayed: Replayed, refusals: Refusals, alerts_out: Path | None, revisions_out: Path | None,
    events_out: Path | None, deadletters_out: Path | None,
) -> None:  # fmt: skip
    outputs: list[tuple[Path | None, Any]] = [
        (alerts_out, replayed.alerts),
        (revisions_out, replayed.revisions),
        (events_out, lambda: replayed.event_lines),
        (deadletters_out, lambda: [*refusals.dead, *replayed.duplicates]),
    ]
    for path, rows in outputs:
        if path is not None:
            write_lines(path, rows())


def _report(replayed: Replayed, refusals: Refusals) -> None:
    console = Console()
    alerts = replayed.alerts()
    dead = Counter(letter.reason for letter in [*refusals.dead, *replayed.duplicates])
    into = Table("in", "", title="replay", title_justify="left")
    for name, counts in (
        ("events", replayed.events),
        ("dead letters", dead),
        ("dropped", Counter(refusals.dropped)),
        ("late", replayed.late),
    ):
        into.add_row(name, f"{sum(counts.values()):,}", style="bold")
        for label, count in sorted(counts.items()):
            into.add_row(f"  {label}", f"{count:,}")
    console.print(into)
    levels = ("blue", "yellow", "red")
    out = Table("rule", *levels, "open", "closed", "withdrawn")
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        by_rule.setdefault(alert["rule"], []).append(alert)
    for rule, found in sorted(by_rule.items()):
        standing = [alert for alert in found if alert["state"] not in ("retracted", "merged")]
        by_level = [str(sum(1 for alert in standing if alert["level_max"] == level)) for level in levels]
        by_state = [sum(1 for alert in found if alert["state"] == state) for state in ("open", "closed")]
        out.add_row(rule, *by_level, *map(str, by_state), str(len(found) - len(standing)))
    console.print(out if by_rule else "no alerts")
