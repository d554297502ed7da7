"""Where a history comes from: files, or the data pool. What the commands that run over one share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import click

from alerts.channel import Channel
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import Arrival, to_us
from alerts.rule import Rule
from connectors.clickhouse import Pool
from connectors.door import Door
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mapping
from connectors.pseudonym import generate_keyring, load_keyring
from dataflows.history_span import span_of
from dataflows.replay_source import Refusals, admit_events, admit_raw, arrivals
from dataflows.servers import pool_named

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
LOCAL = timezone(timedelta(hours=LOCAL_OFFSET_HOURS))
SEEN_AT_ONCE = 1_000

Command = Callable[..., Any]
Seen = Callable[[int], None]


class Instant(click.ParamType[int]):
    """A time on the command line as microseconds; without a zone it is local."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"a time must be like `2026-03-09` or `2026-03-09T10:00`; got `{value}`", param, ctx)
        return to_us(found if found.tzinfo else found.replace(tzinfo=LOCAL))


class Origin(NamedTuple):
    """Files and how they are read, or a pool and what of it: what arrived from `since` on and before `until`."""

    files: tuple[Path, ...] = ()
    mapping: Path | None = None
    keyring: Path | None = None
    pool: str = ""
    since: int | None = None
    until: int | None = None

    def require_one(self, **others: bool) -> None:
        """Raise unless there are files or a pool, or one of the `others`, and the options go with it."""
        given = {"FILES": bool(self.files), "--pool": bool(self.pool), **others}
        found = [name for name, is_given in given.items() if is_given]
        if len(found) != 1:
            *first, last = given
            got = " and ".join(found) or "none of them"
            raise click.UsageError(f"one of {', '.join(first)} and {last} must be given; got {got}")
        needs = {"--mapping": "FILES", "--keyring": "FILES", "--since": "--pool", "--until": "--pool"}
        options = (self.mapping, self.keyring, self.since, self.until)
        for (name, needed), option in zip(needs.items(), options, strict=True):
            if option is not None and not given[needed]:
                raise click.UsageError(f"`{name}` must go with {needed}; got it with {found[0]}")

    def span(self) -> tuple[int | None, int | None]:
        """When its first and its last event arrived, where that is quick to say."""
        if not self.pool:
            return span_of(self.files)
        with Pool(pool_named(self.pool)) as pool:
            return pool.arrived(self.since, self.until) or (None, None)

    def arrivals(self, channels: dict[str, Channel], refusals: Refusals, seen: Seen) -> Iterator[Arrival]:
        """The history in order of arrival; `seen` is told the size of what was read."""
        if self.pool:
            return self._of_pool(seen)
        return arrivals_of_files(self.files, self.mapping, self.keyring, channels, refusals, seen)

    def _of_pool(self, seen: Seen) -> Iterator[Arrival]:
        with Pool(pool_named(self.pool)) as pool:
            for count, arrival in enumerate(pool.arrivals(self.since, self.until), 1):
                if count % SEEN_AT_ONCE == 0:
                    seen(SEEN_AT_ONCE)
                yield arrival

    def answerable(self, *books: Sequence[Rule]) -> list[list[Rule]]:
        """The rules of each book that can be asked of this history, numbered; says what of it is left out.

        The pool holds no heartbeats, so nobody could tell a silent channel from one to which nothing happens.
        """
        if not self.pool:
            return [list(book) for book in books]
        silent = dict.fromkeys(rule.id for book in books for rule in book if rule.spec.kind == "silence")
        kept = [[rule for rule in book if rule.spec.kind != "silence"] for book in books]
        if not all(kept):
            raise ValueError(
                "over the pool a rule book must hold a rule that is not of kind `silence`;"
                f" got only {', '.join(silent)}; the pool holds no heartbeats"
            )
        for book in kept:
            for number, rule in enumerate(book):
                rule.number = number
        left_out = f"{', '.join(silent)} is left out and " if silent else ""
        click.echo(f"the pool holds no heartbeats: {left_out}absence is vouched for by events alone", err=True)
        return kept


def arrivals_of_files(
    files: Sequence[Path], mapping: Path | None, keyring: Path | None, channels: dict[str, Channel],
    refusals: Refusals, seen: Seen,
) -> Iterator[Arrival]:  # fmt: skip
    """Files of Event v1 lines, or of raw rows with a mapping, admitted at the door and in order of arrival."""
    keys = load_keyring(keyring) if keyring else generate_keyring()
    lexicon = load_lexicon()
    door = Door(channels, keys, None, lexicon)
    if mapping is None:
        reading = admit_events(door)
    else:
        reading = admit_raw(door, load_mapping(mapping, channels=channels, keyring=keys, lexicon=lexicon))
    return arrivals([(path, reading) for path in files], refusals, seen)


_OPTIONS = (
    click.argument("files", nargs=-1, type=READABLE),
    click.option("--mapping", type=READABLE, help="The files hold raw rows; this mapping reads them."),
    click.option("--keyring", type=READABLE, help="Keys of the pseudonyms; default: a key for this run only."),
    click.option(
        "--pool", metavar="DSN", default="",
        help="Instead of FILES, the history of a data pool: chdb:///folder or http://host:8123/database. It holds no"
        " heartbeats: silence rules are left out, and absence is vouched for by events alone.",
    ),
    click.option(
        "--since", metavar="DATE", type=Instant(),
        help="Of the pool, only what arrived from this local day on; windows begin empty. Default: everything.",
    ),
)  # fmt: skip


def origin_options(command: Command) -> Command:
    """FILES as `anlan replay` takes them, or --pool; the command gets them as its `origin`."""

    @functools.wraps(command)
    def with_origin(
        files: tuple[Path, ...], mapping: Path | None, keyring: Path | None, pool: str, since: int | None, **others: Any
    ) -> Any:
        return command(origin=Origin(files, mapping, keyring, pool, since), **others)

    decorated: Command = with_origin
    for decorate in reversed(_OPTIONS):
        decorated = decorate(decorated)
    return decorated
