"""A progress bar over a history: how many events, which day it is in the history, how long it still takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from alerts.model import to_us
from dataflows.city.when import LOCAL

Seen = Callable[[datetime, int], None]  # (time in the history, events since the last call)


@contextmanager
def rows_progress(name: str) -> Iterator[Callable[[int], None]]:
    """A count of rows on a terminal, and nothing elsewhere; it is given how many more there are."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}"),
        TaskProgressColumn(show_speed=True),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda count: progress.advance(task, count)


@contextmanager
def history_progress(name: str, start_us: int | None, end_us: int | None) -> Iterator[Seen]:
    """A bar on a terminal, and nothing elsewhere. Without start and end it counts and shows the day."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TextColumn("{task.fields[day]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        total = end_us - start_us if start_us is not None and end_us is not None else None
        task = progress.add_task(name, total=total, events=0, day="")
        count = 0

        def seen(at: datetime, more: int) -> None:
            nonlocal count
            count += more
            done = to_us(at) - start_us if start_us is not None else None
            progress.update(task, completed=done, events=count, day=at.astimezone(LOCAL).date().isoformat())

        yield seen
