"""`anlan deadletters`: look at rows that could not become events, and try them again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.model import DeadLetter
from connectors.clickhouse import Pool
from connectors.deadletter import Reason
from connectors.door import Door
from connectors.joined_tokens import joining
from connectors.kafka import ensure_topics
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mapping
from connectors.pseudonym import load_keyring
from connectors.registry import load_channels
from connectors.seal import Sealer, load_unsealer
from dataflows.failures import said_plainly
from dataflows.installation import all_mappings, clock_of
from dataflows.outbox import Outbox, outbox_topics
from dataflows.retry import Attempt, Retrial
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings, SettingsError, load_settings, required

OPEN, RETRIED, ANY = "open", "retried", "any"
BATCH = 200  # letters that are sent and marked together
BROKER_SECONDS = 10.0
ALL = 4_294_967_295

_LETTERS = """
SELECT letter.id AS id, letter.failed_at AS failed_at, letter.channel AS channel, letter.reason AS reason,
    letter.source AS source, letter.sentence AS sentence, letter.sealed != '' AS is_kept,
    if(mark.status = '', 'open', mark.status) AS status
FROM (SELECT * FROM dead_letters FINAL) AS letter
LEFT JOIN (SELECT id, status FROM dead_letter_marks FINAL) AS mark ON mark.id = letter.id
WHERE ({status:String} = '' OR if(mark.status = '', 'open', mark.status) = {status:String})
    AND ({reason:String} = '' OR letter.reason = {reason:String})
    AND ({channel:String} = '' OR letter.channel = {channel:String})
ORDER BY letter.failed_at DESC, letter.id
LIMIT {limit:UInt32}"""

_config = click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings.")
_reason = click.option("--reason", type=click.Choice(get_args(Reason)), help="Only those with this reason.")


@click.group()
def deadletters() -> None:
    """Rows that could not become events: look at them, mend the mapping, try them again.

    They are kept in the data pool of the settings (`clickhouse`, or ANLAN_CLICKHOUSE). What is shown is scrubbed;
    the whole row is sealed and never shown.
    """


@deadletters.command("list")
@_config
@_reason
@click.option("--status", default=OPEN, show_default=True, metavar="STATUS", help=f"open, {RETRIED}, … or {ANY}.")
@click.option("--channel", default="", help="Only those of this channel.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, ALL), help="At most so many.")
def list_letters(config: str | None, reason: str | None, status: str, channel: str, limit: int) -> None:
    """List dead letters, the latest first."""
    with said_plainly(), _pool(load_settings(config)) as pool:
        letters = _letters(pool, "" if status == ANY else status, reason or "", channel, limit)
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    table = Table("id", "when", "channel", "reason", "source", "sentence", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for letter in letters:
        when = letter["failed_at"].strftime("%Y-%m-%d %H:%M:%S")
        cells = (letter["id"], when, letter["channel"], letter["reason"], letter["source"], letter["sentence"])
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    console.print(table if letters else "no dead letters")


@deadletters.command()
@_config
@click.argument("letter_id", metavar="ID")
def show(config: str | None, letter_id: str) -> None:
    """Show one dead letter: why, where, which mapping, and the scrubbed copy of the row."""
    with said_plainly(), _pool(load_settings(config)) as pool:
        letter = _letter(pool, letter_id)
    mapping = f"{letter.mapping} version {letter.mapping_version}" if letter.mapping else "none"
    lines = {
        "id": letter.id,
        "sentence": letter.sentence,
        "reason": letter.reason,
        "place": letter.source,
        "when": letter.failed_at.astimezone(UTC).isoformat(),
        "channel": letter.channel or "unknown",
        "mapping": mapping,
        "row kept": "yes, sealed" if letter.sealed else "no",
        "copy": letter.raw or "nothing may be shown",
    }
    for name, value in lines.items():
        click.echo(f"{name:<9} {_printable(value)}")


@deadletters.command()
@_config
@click.argument("ids", nargs=-1, metavar="[ID]...")
@_reason
@click.option("--all", "is_all", is_flag=True, help="All that are open.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the rows with this mapping; default: the one each had, as it is now.",
)
def retry(config: str | None, ids: tuple[str, ...], reason: str | None, is_all: bool, mapping: Path | None) -> None:
    """Try dead letters again: those with the given IDs, or the open ones with --reason, or with --all.

    What becomes events is sent to the raw topics and marked `retried`; what fails again stays as it is, and the
    new sentence is printed. Letters that keep no row (doubles, rows that were too large) are left out unless they
    are named. Exit code 1 when any failed again.
    """
    if [bool(ids), reason is not None, is_all].count(True) != 1:
        raise click.UsageError("one of IDs, --reason and --all must be given; got none or more than one")
    with said_plainly():
        settings = load_settings(config)
        required(settings, "keyring", "seal_key")
        retrial = _retrial(settings, mapping)
        with _pool(settings) as pool:
            chosen, unkept = _chosen(pool, ids, reason or "")
            ensure_topics(kafka_of(settings), outbox_topics(load_channels()), BROKER_SECONDS)
            failed = _retry(pool, settings, retrial, chosen)
    click.echo(f"{len(chosen) - failed:,} retried, {failed:,} failed again, {unkept:,} without a row left out")
    if failed:
        raise SystemExit(1)


def _retrial(settings: Settings, mapping: Path | None) -> Retrial:
    channels, lexicon = load_channels(), load_lexicon()
    keyring = joining(load_keyring(settings.keyring))
    unsealer = load_unsealer(settings.seal_key)
    door = Door(channels, keyring, Sealer(unsealer.public), lexicon)
    given = mapping and load_mapping(mapping, channels=channels, keyring=keyring, lexicon=lexicon)
    known = {} if given else all_mappings(settings, channels, keyring)
    return Retrial(door, unsealer, known, clock_of(settings), given or None)


def _chosen(pool: Pool, ids: Sequence[str], reason: str) -> tuple[list[str], int]:
    """The ids to try, and how many keep no row that could be tried."""
    if ids:
        return list(dict.fromkeys(ids)), 0
    letters = _letters(pool, OPEN, reason, "", ALL)
    kept = [letter["id"] for letter in letters if letter["is_kept"]]
    return kept, len(letters) - len(kept)


def _retry(pool: Pool, settings: Settings, retrial: Retrial, ids: list[str]) -> int:
    """Send and mark what went well, print what did not; how many did not."""
    failed = 0
    with Outbox(kafka_of(settings)) as outbox:
        for start in range(0, len(ids), BATCH):
            attempts = [retrial.attempt(_letter(pool, each)) for each in ids[start : start + BATCH]]
            failed += _settle(pool, outbox, attempts)
    return failed


def _settle(pool: Pool, outbox: Outbox, attempts: list[Attempt]) -> int:
    done = sorted((each for each in attempts if not each.trouble), key=lambda each: each.note)
    for attempt in done:
        for event in attempt.events:
            outbox.send(event)
    outbox.flush()  # a letter is marked when its events are kept, not before
    for note, group in groupby(done, key=lambda each: each.note):
        pool.mark_dead_letters([each.letter.id for each in group], RETRIED, note, datetime.now(UTC))
    for attempt in attempts:
        if attempt.trouble:
            click.echo(f"{attempt.letter.id}: {_printable(attempt.trouble)}", err=True)
    return len(attempts) - len(done)


def _letter(pool: Pool, letter_id: str) -> DeadLetter:
    letter = pool.dead_letter(letter_id)
    if letter is None:
        raise ValueError(f"dead letter must be in the pool; got no `{letter_id}`; `list` names those that are")
    return letter


def _letters(pool: Pool, status: str, reason: str, channel: str, limit: int) -> list[dict[str, Any]]:
    """Dead letters without their rows, the latest first; "" is any."""
    return pool.rows(_LETTERS, status=status, reason=reason, channel=channel, limit=limit)


@contextlib.contextmanager
def _pool(settings: Settings) -> Iterator[Pool]:
    """The pool of the settings, with its tables; only a pool that is there is opened."""
    place = urlsplit(settings.clickhouse)
    is_embedded = place.scheme == "chdb"
    if is_embedded and not Path(place.path).is_dir():
        raise SettingsError(f"`clickhouse` must be a pool that is there; got no folder ({place.path})")
    try:
        pool = Pool(pool_of(settings))
    except ConnectionError as error:
        if not is_embedded:
            raise
        raise SettingsError(
            f"an embedded pool must be open in one process at a time; got one that does not open ({place.path}); "
            "stop the flow or demo that runs on it first"
        ) from error
    with pool:
        if not pool.rows("SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'dead_letters'"):
            raise SettingsError("`clickhouse` must be a pool with tables; got none; run the flow on it first")
        yield pool


def _printable(text: str) -> str:
    """The text without signs that would move the cursor of a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
