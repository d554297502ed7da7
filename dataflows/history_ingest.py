"""What a centre has from the time before it was watched: its files go into the intake log before the first start.

Rules look back for days or months. A flow that begins with an empty log is blind for so long; one whose log holds a
history begins as if it had always run. Each event stands in the log with the time at which it arrived then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from alerts.model import Arrival, DeadLetter, from_us
from connectors.door import Door
from connectors.kafka import ensure_topics, greatest_topic_epoch, topics
from connectors.kafka_history import HistoryLog
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mapping
from connectors.names import Names
from connectors.seal import Sealer
from dataflows.installation import clock_of, names_of, unfit_here
from dataflows.outbox import Outbox
from dataflows.replay_source import Admit, Refusals, admit_events, admit_raw, arrivals
from dataflows.rule_watch import RuleWatch
from dataflows.run import Installation, load, naming
from dataflows.servers import kafka_of
from dataflows.settings import Settings, SettingsError
from dataflows.start import epoch_file, state_folder

AT_ONCE = 1_000  # events between two looks at what the brokers answered


class Ingested(NamedTuple):
    """What became of a history."""

    written: int  # events
    known: int  # events that the log held already
    first_us: int  # arrivals; 0 where there was no event
    last_us: int
    refusals: Refusals


def ingest_history(
    settings: Settings, files: Sequence[Path], mapping: Path | None, seen: Callable[[int], None]
) -> Ingested:
    """Write files of Event v1 lines, or of raw rows with a mapping, into the intake log of a flow that never ran.

    `seen` is told how many more rows were read. Rows that could not become events go to the dead letters. Raises
    `SettingsError` where the flow has run already or the log goes on behind them, and `ValueError` for what had not
    arrived by now.
    """
    with state_folder(settings) as folder:
        kafka = kafka_of(settings)
        own = load(settings)
        ensure_topics(kafka, topics(own.channels, log_partitions=settings.log_partitions))
        _require_new(folder, settings)
        refusals = Refusals([], {})
        with names_of(settings, own.rules) as names, HistoryLog(kafka) as log:
            found = arrivals(files, _admit(naming(own, settings, names), settings, mapping), refusals, seen)
            first_us, last_us = _write(found, log, names, _book_of(own, settings), clock_of(settings)())
        _tell(settings, refusals.dead)
        return Ingested(log.written, log.known, first_us, last_us, refusals)


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


def _book_of(own: Installation, settings: Settings) -> RuleWatch:
    return RuleWatch(
        own.rule_paths, own.channels, routing=own.routing_path, unfit=lambda rules: unfit_here(settings, rules)
    )


def _admit(own: Installation, settings: Settings, mapping: Path | None) -> Admit:
    lexicon, clock = load_lexicon(), clock_of(settings)
    door = Door(own.channels, own.keyring, Sealer(own.unsealer.public), lexicon)
    if mapping is None:
        return admit_events(door, clock)
    return admit_raw(door, load_mapping(mapping, channels=own.channels, keyring=own.keyring, lexicon=lexicon), clock)


def _write(found: Iterator[Arrival], log: HistoryLog, names: Names, rules: RuleWatch, now_us: int) -> tuple[int, int]:
    """Write them behind the rule book; the first arrival and the last."""
    first = next(found, None)
    if first is None:
        return 0, 0
    if (book := rules.look()) is None:
        raise SettingsError("the rule book must be right; got one with the faults above")
    log.begin(book, first.arrived_us)
    last_us = first.arrived_us
    found = chain((first,), found)
    while part := list(islice(found, AT_ONCE)):
        names.save()  # before anything goes to the log: nobody may be called otherwise when it is written again
        for arrival in part:
            if arrival.arrived_us > now_us:
                at = from_us(arrival.arrived_us).isoformat()
                raise ValueError(f"a history must have arrived before now; got {at} ({arrival.source})")
            log.add(arrival)
        last_us = part[-1].arrived_us
    if log.is_cut:
        raise SettingsError(
            f"a history must reach to where the intake log ends; got one until {from_us(last_us).isoformat()}; give all"
            " files at once, or, where a flow has written the log, send it without `--history`"
        )
    return first.arrived_us, last_us


def _tell(settings: Settings, dead: Sequence[DeadLetter]) -> None:
    if dead:
        with Outbox(kafka_of(settings)) as outbox:
            for letter in dead:
                outbox.send(letter)
