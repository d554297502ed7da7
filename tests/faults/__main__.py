"""`python -m tests.faults`: break everything at random moments, and see whether anything is lost or said twice."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from alerts.model import to_us
from connectors.apache_kafka import ApacheKafka
from tests.faults.load import Load
from tests.faults.outcome import Outcome
from tests.faults.plan import KINDS
from tests.faults.report import table
from tests.faults.round import Plan, Round, Say
from tests.support.apache_kafka import REQUIRED


@click.command()
@click.option("--kills", default=12, show_default=True, type=click.IntRange(1), help="Faults in all, over the kinds.")
@click.option("--seed", type=int, help="Another load, other faults, other moments; default: one of its own.")
@click.option("--kinds", default=",".join(KINDS), show_default=True, help="What is broken; a round for each.")
@click.option("--rate", default=60.0, show_default=True, type=click.FloatRange(5), help="Events a second.")
@click.option(
    "--speed", default=60.0, show_default=True, type=click.FloatRange(1),
    help="Of the flow's clock; an outage has to be short on it, or the weak check must differ.",
)  # fmt: skip
@click.option(
    "--away", default=6.0, show_default=True, type=click.FloatRange(0.5), help="Longest absence of a server in seconds."
)
@click.option("--start", help="First day of the simulated clock; default: two days ago.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the findings there.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep data and logs there; default: only on a failure.")
@click.option("--require-apache-kafka", is_flag=True, help=f"Fail without Apache Kafka; so does {REQUIRED}=1.")
def main(
    kills: int, seed: int | None, kinds: str, rate: float, speed: float, away: float, start: str | None,
    json_path: Path | None, folder: Path | None, require_apache_kafka: bool,
) -> None:  # fmt: skip
    """Run the production flow on real servers under a load, break it at random moments, and check every answer.

    Exits with 1 on any loss, double or difference; the same seed and day play the same faults again.
    """
    logging.getLogger("anlan").addHandler(logging.NullHandler())  # servers are away on purpose
    wanted = _kinds(kinds)
    out = Console(width=None if sys.stdout.isatty() else 160)
    if why := ApacheKafka.missing():
        if require_apache_kafka or os.environ.get(REQUIRED) == "1":
            raise click.ClickException(why)
        out.print(f"broker: Tansu, which keeps everything in memory: it is hung and never killed ({why})")
    seed = int(time.time()) % 100_000 if seed is None else seed
    day = start or str((datetime.now(UTC) - timedelta(days=2)).date())
    again = (
        f"--kills {kills} --seed {seed} --start {day} --kinds {kinds} --rate {rate:g} --speed {speed:g} --away {away:g}"
    )
    out.print(f"seed {seed}; the same again: `{again}`", soft_wrap=True)
    root = folder or Path(tempfile.mkdtemp(prefix="anlan-faults-"))
    load = Load(seed, to_us(datetime.fromisoformat(f"{day}T00:00:00+08:00")), rate, speed)
    outcomes: list[Outcome] = []
    for outcome in _rounds(wanted, kills, away, load, root, out):
        outcomes.append(outcome)
        out.print(table(outcomes))  # after each round: a long run that is cut short has told what it knew
        if json_path is not None:
            json_path.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)) + b"\n")
    failed = _tell(outcomes, out)
    if failed or folder:
        out.print(f"data and logs: {root}", soft_wrap=True)
    else:
        shutil.rmtree(root)
    sys.exit(1 if failed else 0)


def _kinds(text: str) -> list[str]:
    wanted = [kind for part in text.split(",") if (kind := part.strip())]
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise click.UsageError(f"kinds must be of {', '.join(KINDS)}; got `{unknown[0]}`")
    return wanted


def _rounds(kinds: list[str], kills: int, away: float, load: Load, root: Path, out: Console) -> Iterator[Outcome]:
    for number, kind in enumerate(kinds):
        count = kills // len(kinds) + (number < kills % len(kinds))
        if count:
            with _progress(out, kind, count) as say:
                outcome = Round(Plan(kind, count, away, load), root / kind, say).run()
            yield outcome


@contextmanager
def _progress(out: Console, kind: str, count: int) -> Iterator[Say]:
    columns = (TextColumn("{task.fields[kind]:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=out) as bar:
        task = bar.add_task("starting", total=count, kind=kind)

        def say(done: int, what: str) -> None:
            bar.update(task, completed=done, description=what)
            if not out.is_terminal:
                out.print(f"{kind} {done}/{count} {what}", soft_wrap=True)

        yield say


def _tell(outcomes: list[Outcome], out: Console) -> bool:
    for each in outcomes:
        for line in each.losses:
            out.print(f"{each.kind}: {line}", soft_wrap=True, markup=False, style="red")
        for line in each.remarks:
            out.print(f"{each.kind}: {line}", soft_wrap=True, markup=False)
    return any(each.losses for each in outcomes)


if __name__ == "__main__":
    main()
