"""`anlan ingest`: files into a running installation."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from alerts.model import DeadLetter, from_us
from connectors.door import Door
from connectors.joined_tokens import joining
from connectors.kafka import BrokerError, ensure_topics
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mapping
from connectors.pseudonym import load_keyring
from connectors.registry import load_channels
from connectors.seal import Sealer, load_unsealer
from dataflows.city.when import LOCAL
from dataflows.failures import said_plainly
from dataflows.history_progress import rows_progress
from dataflows.ingest import InputFile, Intake, Tally, ingest_file
from dataflows.installation import clock_of
from dataflows.outbox import Outbox, outbox_topics
from dataflows.servers import kafka_of
from dataflows.settings import PREFIX, Settings, load_settings

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
BROKER_SECONDS = 10.0
LINE_EVERY = 100_000  # rows between two lines where there is no terminal

Seen = Callable[[InputFile, Tally], None]


@click.command()
@click.argument("files", nargs=-1, required=True, type=READABLE)
@click.option(
    "--mapping",
    "mappings",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    multiple=True,
    help="The files hold raw rows; this mapping reads them. Or one for each file; `-` for Event v1 lines.",
)
@click.option("--kafka", metavar="BOOTSTRAP", help="Brokers; default: those of the settings.")
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings.")
@click.option("--keyring", type=READABLE, help="Keys of the pseudonyms; default: those of the settings.")
@click.option(
    "--dead-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the dead letters here, JSON lines.",
)
@click.option(
    "--history",
    is_flag=True,
    help="Before the flow's first start, on its machine: each event counts as arriving when it did then.",
)
@click.option("--anew", is_flag=True, help="With --history: first remove what was written before.")
def ingest(
    files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    kafka: str | None,
    config: str | None,
    keyring: Path | None,
    dead_out: Path | None,
    history: bool,
    anew: bool,
) -> None:
    """Send FILES into a running installation: Event v1 as JSON lines, or raw rows with --mapping. Plain or .gz.

    Rows are mapped and stripped of what names a person here; only events and dead letters leave. The keyring must
    be that of the installation. Sent twice is safe: what comes twice counts once. Ends with a table of what was
    sent; exit code 1 when not everything was.

    What is sent arrives now. The past of a new centre goes in with --history, all files at once: rules that look back
    for months then know it from the first minute. Arrival is `arrived_at` where given, else the order of the file.
    Broken off, it goes on when it is given again; what it wrote is looked at, and with --anew it is written again.

    \b
    anlan ingest events.jsonl.gz --config anlan.toml
    anlan ingest export.csv --mapping mapping.yaml --kafka broker:9092 --keyring keyring
    anlan ingest 2025.jsonl.gz 2026.jsonl.gz --history --config anlan.toml
    anlan ingest 110.csv 12345.csv --mapping 110.yaml --mapping 12345.yaml --history --config anlan.toml
    """
    with said_plainly():
        settings = _settings(config, kafka, keyring)
        given = _with_mappings(files, mappings)
        if anew and not history:
            raise click.UsageError("`--anew` must go with `--history`; got it alone")
        if history:
            _ingest_history(settings, given, dead_out, anew)
            return
        intakes = _intakes(settings, {mapping for _, mapping in given})
        ensure_topics(kafka_of(settings), outbox_topics(load_channels()), BROKER_SECONDS)
        try:
            tallies = _send([(path, intakes[mapping]) for path, mapping in given], settings, dead_out)
        except BrokerError as error:
            raise BrokerError(f"{error}; send the files again: what comes twice counts once") from None
    _report(tallies, settings)


def _with_mappings(files: tuple[Path, ...], mappings: tuple[Path, ...]) -> list[tuple[Path, Path | None]]:
    """Each file with the mapping that reads it, none where it holds Event v1 lines."""
    if len(mappings) not in {0, 1, len(files)}:
        raise click.UsageError(
            f"`--mapping` must be given once for all FILES or once for each; got {len(mappings)} for {len(files)} files"
        )
    chosen = [None if str(each) == "-" else each for each in mappings] or [None]
    return list(zip(files, chosen * (len(files) // len(chosen)), strict=True))


def _settings(config: str | None, kafka: str | None, keyring: Path | None) -> Settings:
    settings = load_settings(config)
    given = {"kafka": kafka, "keyring": str(keyring) if keyring else None}
    settings = msgspec.structs.replace(settings, **{name: value for name, value in given.items() if value})
    if not settings.keyring:
        raise click.UsageError(
            "the keyring of the installation must be given, because tokens of two keys do not meet; got none; "
            f"use --keyring, --config or {PREFIX}KEYRING"
        )
    return settings


def _intakes(settings: Settings, mappings: Iterable[Path | None]) -> dict[Path | None, Intake]:
    channels, lexicon = load_channels(), load_lexicon()
    keyring = joining(load_keyring(settings.keyring))
    sealer = Sealer(load_unsealer(settings.seal_key).public) if settings.seal_key else None
    door, clock = Door(channels, keyring, sealer, lexicon), clock_of(settings)

    def intake(mapping: Path | None) -> Intake:
        chosen = mapping and load_mapping(mapping, channels=channels, keyring=keyring, lexicon=lexicon)
        return Intake(door, chosen or None, clock)

    return {mapping: intake(mapping) for mapping in mappings}


def _send(files: list[tuple[Path, Intake]], settings: Settings, dead_out: Path | None) -> list[Tally]:
    tallies: list[Tally] = []
    paths = [path for path, _ in files]
    with _dead_letters(dead_out) as dead, _seen(paths) as seen, Outbox(kafka_of(settings)) as outbox:
        for path, intake in files:
            with InputFile(path) as file:
                tallies.append(ingest_file(file, intake, outbox, dead, partial(seen, file)))
    return tallies


def _ingest_history(
    settings: Settings, files: list[tuple[Path, Path | None]], dead_out: Path | None, anew: bool
) -> None:
    from dataflows.history_ingest import ingest_history

    with rows_progress("rows") as seen:
        done = ingest_history(settings, files, seen, anew=anew)
    with _dead_letters(dead_out) as dead:
        for letter in done.refusals.dead:
            dead(letter)
    table = Table("ingest --history", "", title_justify="left")
    for name, count in (("events written", done.written), ("in the log already", done.known)):
        table.add_row(name, f"{count:,}")
    span = done.span
    if span.first_us:
        for name, at_us in (("first arrival", span.first_us), ("last arrival", span.last_us)):
            table.add_row(name, from_us(at_us).astimezone(LOCAL).isoformat(sep=" ", timespec="seconds"))
    console = Console()
    console.print(table)
    if span.backdated:
        said = (
            f"{span.backdated:,} events are a day or more older than one above them in their file and count as"
            f" arriving with it; the first is {span.backdated_at}"
        )
        console.print(Text(said), soft_wrap=True)
    _say_reasons(console, Counter(letter.reason for letter in done.refusals.dead), Counter(done.refusals.dropped))


@contextlib.contextmanager
def _dead_letters(path: Path | None) -> Iterator[Callable[[DeadLetter], None]]:
    """Where dead letters are written beside the topic."""
    if path is None:
        yield lambda _: None
        return
    with path.open("wb") as stream:
        yield lambda letter: stream.writelines((msgspec.json.encode(letter), b"\n"))


@contextlib.contextmanager
def _seen(files: Sequence[Path]) -> Iterator[Seen]:
    """Tells how far it is: a bar on a terminal, else a line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bars = {path: progress.add_task(path.name, total=path.stat().st_size, rows=0) for path in files}

        def update(file: InputFile, tally: Tally) -> None:
            read = file.size if tally.is_through else file.bytes_read()
            progress.update(bars[file.path], completed=read, rows=tally.rows)

        yield update


def _line(file: InputFile, tally: Tally) -> None:
    if tally.is_through:
        click.echo(f"{tally.name}: {tally.rows:,} rows, all sent", err=True)
    elif tally.rows % LINE_EVERY == 0:
        click.echo(f"{tally.name}: {tally.rows:,} rows so far", err=True)


def _report(tallies: list[Tally], settings: Settings) -> None:
    console = Console()
    table = Table("file", title="ingest", title_justify="left")
    for name in ("rows", "events", "dead", "dropped"):
        table.add_column(name, justify="right")
    for tally in tallies:
        table.add_row(Text(tally.name), *_counts([tally]))
    if len(tallies) > 1:
        table.add_row("all", *_counts(tallies), style="bold")
    console.print(table)
    dead: Counter[str] = sum((tally.dead for tally in tallies), Counter())
    _say_reasons(console, dead, sum((tally.dropped for tally in tallies), Counter()))
    if dead and not settings.seal_key:
        console.print("rows of dead letters are not kept without `seal_key`; keep the files", soft_wrap=True)


def _say_reasons(console: Console, dead: Counter[str], dropped: Counter[str]) -> None:
    for name, reasons in (("dead", dead), ("dropped", dropped)):
        if reasons:
            said = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
            console.print(Text(f"{name}: {said}"), soft_wrap=True)


def _counts(tallies: list[Tally]) -> list[str]:
    rows, events = sum(t.rows for t in tallies), sum(t.events for t in tallies)
    dead, dropped = sum(t.dead.total() for t in tallies), sum(t.dropped.total() for t in tallies)
    return [f"{count:,}" for count in (rows, events, dead, dropped)]
