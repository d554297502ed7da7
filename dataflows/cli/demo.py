"""`anlan demo`: a simulated city, live in the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from alerts.model import Revision
from dataflows.demo import Demo, Plan, as_json
from dataflows.demo_board import DemoBoard
from dataflows.demo_summary import summarise
from dataflows.failures import said_plainly

COLOURS = {"red": "bold red", "yellow": "yellow", "blue": "blue"}
SHOWN = 12
LINE_EVERY_SECONDS = 5.0


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(5),
    help="Stop by itself after this long; a second shows two hours of the city.",
)
@click.option("--rate", type=click.FloatRange(1), default=200.0, show_default=True, help="Rows a second.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another city, other people, other chances.")
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="Write what came of it as JSON.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep servers' data and logs in this empty folder.",
)
@click.option("--browser/--no-browser", default=True, help="Open the board, where somebody sits at a terminal.")
def demo(seconds: float | None, rate: float, seed: int, summary: Path | None, data: Path | None, browser: bool) -> None:
    """Show a simulated city on embedded servers: a real Kafka-compatible broker, a real Valkey, the ClickHouse engine.

    Eight departments send raw rows with phone numbers and names in them over Kafka, HTTP and files; stories are
    planted among them: a neighbour quarrel that climbs, a wage dispute of thirty workers, a pressured family, a
    prolific harmless resident, a burst main. The same flow as in production finds what is worth an alert.
    The board shows it in a browser.

    \b
    anlan demo
    anlan demo --seconds 60 --summary summary.json
    """
    with said_plainly(), _folder(data) as folder:
        result = _run(Demo(Plan(seconds, rate, seed), folder), browser)
    if summary is not None:
        summary.write_bytes(as_json(result) + b"\n")
    _report(result)
    if result["unaccounted"]:
        raise click.ClickException("not everything is accounted for: " + "; ".join(result["unaccounted"]))


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        with tempfile.TemporaryDirectory(prefix="anlan-demo-") as folder:
            yield Path(folder)
        return
    if data.exists() and any(data.iterdir()):
        raise ValueError(f"--data must be an empty folder; got one with files in it ({data})")
    data.mkdir(parents=True, exist_ok=True)
    yield data


def _run(demo: Demo, browser: bool) -> dict[str, Any]:
    console = Console()
    with demo.running(), _board(demo, browser and console.is_terminal):
        sender = demo.send()
        with _view(demo, console) as refresh, contextlib.suppress(KeyboardInterrupt):
            _watch(demo, sender, refresh)
        demo.stop()
        sender.join(30)
    return summarise(demo)


@contextlib.contextmanager
def _board(demo: Demo, opens: bool) -> Iterator[None]:
    """The board answers inside the block. Its address is told first: it opens with nothing else."""
    with DemoBoard(demo).running() as address:
        click.echo(f"board: {address}")
        if opens and _has_screen():
            webbrowser.open(address)
        yield


def _has_screen() -> bool:
    """Whether a browser would come up as a window: elsewhere a text browser would take the terminal."""
    has_display = sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    return has_display and "SSH_CONNECTION" not in os.environ


def _watch(demo: Demo, sender: threading.Thread, refresh: Any) -> None:
    """Look on until everything is sent and judged, or somebody presses Ctrl-C."""
    until = float("inf")
    while time.time() < until:
        if not demo.is_alive():
            raise RuntimeError(f"the flow must run; got its end:\n{demo.log_tail()}")
        if until == float("inf") and not sender.is_alive():
            until = time.time() + demo.plan.seconds_to_settle
        demo.read_alerts()
        refresh()
        time.sleep(0.25)


@contextlib.contextmanager
def _view(demo: Demo, console: Console) -> Iterator[Any]:
    """A live picture on a terminal, now and then a line elsewhere."""
    if console.is_terminal:
        with Live(_picture(demo), console=console, refresh_per_second=4, transient=True) as live:
            yield lambda: live.update(_picture(demo))
        return
    last = [0.0]

    def line() -> None:
        if time.monotonic() - last[0] >= LINE_EVERY_SECONDS:
            last[0] = time.monotonic()
            click.echo(_status(demo))

    yield line


def _status(demo: Demo) -> str:
    verdict = demo.truth.judge(demo.alerts())
    planted = len(verdict.found) + len(verdict.wrong_level) + len(verdict.missed)
    return (
        f"{demo.now():%m-%d %H:%M} rows {demo.sent.rows:,} alerts {len(demo.alerts())} "
        f"stories {len(verdict.found)}/{planted} false {len(verdict.false_alarms)}"
    )


def _picture(demo: Demo) -> Group:
    with contextlib.suppress(OSError):
        demo.latest = demo.samples()
    return Group(
        Panel(_numbers(demo), title=f"安澜 Anlan · {demo.now():%Y-%m-%d %H:%M}"),
        _open_alerts(demo),
        _told(demo),
    )


COUNTS = {
    "rows in": "events_received_total",
    "events": "events_admitted_total",
    "in the pool": "events_pooled_total",
    "dead letters": "events_dead_lettered_total",
    "repeats": "events_duplicated_total",
    "late": "events_late_total",
    "revisions": "revisions_published_total",
}


def _numbers(demo: Demo) -> Table:
    grid = Table.grid(padding=(0, 3))
    if demo.latest is None:
        return grid
    times = [demo.latest.quantile("alert_published_seconds", share) for share in (0.5, 0.99)]
    counts = [f"{demo.latest.total(metric):,.0f}" for metric in COUNTS.values()]
    grid.add_row(*COUNTS, "p50", "p99", style="dim")
    grid.add_row(*counts, *("–" if time is None else f"{time * 1000:.0f} ms" for time in times))
    return grid


def _open_alerts(demo: Demo) -> Table:
    table = Table("", "rule", "", "channels", "rev", expand=True, title="open alerts", title_justify="left")
    standing = [r for r in demo.last_revisions() if r.state == "open"]
    standing.sort(key=lambda r: ({"red": 0, "yellow": 1, "blue": 2}[r.level], -r.detected_at.timestamp()))
    for revision in standing[:SHOWN]:
        table.add_row(*_alert_row(revision))
    if len(standing) > SHOWN:
        table.add_row("", "", f"… and {len(standing) - SHOWN} more", "", "")
    return table


def _alert_row(revision: Revision) -> tuple[Any, ...]:
    level = Text("●", COLOURS[revision.level])
    return level, revision.rule, revision.text.zh, " ".join(revision.channels), str(revision.revision)


def _told(demo: Demo) -> Table:
    verdict = demo.truth.judge(demo.alerts())
    table = Table("planted story", "rule", "must reach", "now", expand=True, title="stories", title_justify="left")
    for each in (*verdict.found, *verdict.wrong_level, *verdict.missed):
        mark = Text("found", "green") if each.is_met else Text(each.level or "–", "dim")
        table.add_row(each.zh, each.rule, Text(each.must_reach, COLOURS[each.must_reach]), mark)
    return table


def _report(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("", "", title="demo", title_justify="left", show_header=False)
    for name in (
        "simulated_days",
        "rows_sent",
        "received",
        "admitted",
        "dead",
        "duplicates",
        "heartbeats",
        "linked",
        "in_pool",
        "late",
        "revisions",
    ):
        table.add_row(name.replace("_", " "), f"{result[name]:,}")
    stories = result["stories"]
    table.add_row("stories found", f"{len(stories['found'])} of {stories['planted']}")
    for each in (*stories["wrong_level"], *stories["missed"]):
        table.add_row("  not as told", f"{each['zh']}: {each['rule']} {each['level']}, must be {each['must_reach']}")
    table.add_row("false alarms", str(len(result["false_alarms"])))
    latency = result["latency_seconds"]
    if latency["p50"] is not None:
        table.add_row("produced to Redis", f"p50 {latency['p50'] * 1000:.0f} ms, p99 {latency['p99'] * 1000:.0f} ms")
    table.add_row("accounted for", "yes" if result["accounted_for"] else "; ".join(result["unaccounted"]))
    console.print(table)
