"""What a centre has from the time before it was watched: its files go into the intake log before the first start.

Rules look back for days or months. A flow that begins with an empty log is blind for so long; one whose log holds a
history begins as if it had always run. Each event stands in the log with the time at which it arrived then.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from alerts.model import Arrival, Book, DeadLetter, from_us, to_us
from connectors.door import Door
from connectors.kafka import INTAKE_LOG, ensure_topics, greatest_topic_epoch, remove_topic, topics
from connectors.kafka_history import HistoryLog, OtherHistoryError
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mapping
from connectors.names import Names
from connectors.seal import Sealer
from dataflows.installation import clock_of, names_of, unfit_here
from dataflows.outbox import Outbox
from dataflows.replay_source import Reading, Refusals, admit_events, admit_raw, arrivals
from dataflows.rule_watch import RuleWatch
from dataflows.run import Installation, load, naming
from dataflows.servers import kafka_of
from dataflows.settings import Settings, SettingsError
from dataflows.start import epoch_file, state_folder

AT_ONCE = 1_000  # events between two looks at what the brokers answered
DAY_US = 86_400_000_000
AGAIN = "give all files at once, as before and further ones behind them, or with `--anew`, which writes the log again"


class Span(NamedTuple):
    """From when to when it arrived; 0 where there was no event."""

    first_us: int = 0
    last_us: int = 0
    backdated: int = 0  # events a day or more older than one above them in their file, by whose time they arrived
    backdated_at: str = ""  # where the first of them stands

    def with_more(self, part: Sequence[Arrival]) -> Span:
        """The span with what came next."""
        older = [arrival.source for arrival in part if _is_backdated(arrival)]
        return Span(
            self.first_us, part[-1].arrived_us, self.backdated + len(older), self.backdated_at or next(iter(older), "")
        )


class Ingested(NamedTuple):
    """What became of a history."""

    written: int  # events
    known: int  # events that the log held already
    span: Span
    refusals: Refusals


def ingest_history(
    settings: Settings,
    files: Sequence[tuple[Path, Path | None]],
    seen: Callable[[int], None],
    *,
    anew: bool = False,
) -> Ingested:
    """Write files of Event v1 lines, or of raw rows, each with its mapping, into the intake log of a new flow.

    `seen` is told how many more rows were read. Rows that could not become events go to the dead letters. What stood
    in the log must be the beginning of it; `anew` removes that first. Raises `SettingsError` where the flow has run
    already, where the log holds something else or goes on behind them, and where the files are newest first; and
    `ValueError` for what cannot have arrived when it says.
    """
    with state_folder(settings) as folder:
        own = load(settings)
        _make_topics(settings, own)
        _require_new(folder, settings)
        refusals = Refusals([], {})
        with names_of(settings, own.rules) as names:
            reading = _readings(naming(own, settings, names), settings)
            found = arrivals([(path, reading(mapping)) for path, mapping in files], refusals, seen)
            book = _book_of(own, settings)
            with _log(settings, own, anew) as log:
                span = _write(found, log, names, book, clock_of(settings)())
        _tell(settings, refusals.dead)
        return Ingested(log.written, log.known, span, refusals)


def _log(settings: Settings, own: Installation, anew: bool) -> HistoryLog:
    if anew:
        remove_topic(kafka_of(settings), INTAKE_LOG)
        _make_topics(settings, own)
    return HistoryLog(kafka_of(settings))


def _make_topics(settings: Settings, own: Installation) -> None:
    ensure_topics(kafka_of(settings), topics(own.channels, log_partitions=settings.log_partitions))


def _require_new(folder: Path, settings: Settings) -> None:
    if epoch_file(folder).exists():
        why = f"a state that it has run on ({folder})"
    elif greatest_topic_epoch(kafka_of(settings)):
        why = f"alerts that it has published ({settings.kafka})"
    else:
        return
    raise SettingsError(
        f"a history must be there before the flow's first start; got {why}; what is sent without `--history` counts as"
        " arriving now"
    )


def _book_of(own: Installation, settings: Settings) -> Book:
    rules = RuleWatch(
        own.rule_paths, own.channels, routing=own.routing_path, unfit=lambda rules: unfit_here(settings, rules)
    )
    if (book := rules.look()) is None:
        raise SettingsError("the rule book must be right; got one with the faults above")
    return book


def _readings(own: Installation, settings: Settings) -> Callable[[Path | None], Reading]:
    """How files of each mapping are read, and those without one; a mapping that reads several is one."""
    lexicon, clock = load_lexicon(), clock_of(settings)
    door = Door(own.channels, own.keyring, Sealer(own.unsealer.public), lexicon)

    @functools.cache
    def reading(mapping: Path | None) -> Reading:
        if mapping is None:
            return admit_events(door, clock)
        found = load_mapping(mapping, channels=own.channels, keyring=own.keyring, lexicon=lexicon)
        return admit_raw(door, found, clock)

    return reading


def _write(found: Iterator[Arrival], log: HistoryLog, names: Names, book: Book, now_us: int) -> Span:
    """Write them behind the rule book."""
    first = next(found, None)
    if first is None:
        return Span()
    span = Span(first.arrived_us)
    found = chain((first,), found)
    try:
        _require_past(first, now_us)
        log.begin(book, first.arrived_us)
        while part := list(islice(found, AT_ONCE)):
            names.save()  # before anything goes to the log: nobody may be called otherwise when it is written again
            for arrival in part:
                _require_past(arrival, now_us)
                log.add(arrival)
            span = span.with_more(part)
    except OtherHistoryError as error:
        raise SettingsError(f"{error}; {AGAIN}") from None
    if log.is_cut:
        until = from_us(span.last_us).isoformat()
        raise SettingsError(
            f"a history must reach to where the intake log ends; got one until {until}; {AGAIN}; where a flow has"
            " written the log, send it without `--history`"
        )
    if span.backdated > (log.written + log.known) / 2:
        raise SettingsError(
            f"a file without arrivals must have its oldest rows first; got {span.backdated:,} of"
            f" {log.written + log.known:,} events a day or more older than one above them ({span.backdated_at});"
            " turn it round, or map `arrived_at`, and give it with `--anew`"
        )
    return span


def _require_past(arrival: Arrival, now_us: int) -> None:
    """Refuse what cannot have arrived when it says: years that stand for no time at all, and what is to come."""
    if not 0 < arrival.arrived_us <= now_us:
        at = from_us(arrival.arrived_us).isoformat()
        raise ValueError(f"a history must have arrived after 1970 and before now; got {at} ({arrival.source})")


def _is_backdated(arrival: Arrival) -> bool:
    event = arrival.event
    return event.arrived_at is None and arrival.arrived_us - to_us(event.occurred_at) >= DAY_US


def _tell(settings: Settings, dead: Sequence[DeadLetter]) -> None:
    if dead:
        with Outbox(kafka_of(settings)) as outbox:
            for letter in dead:
                outbox.send(letter)
