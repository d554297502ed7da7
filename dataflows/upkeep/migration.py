"""What this release changes in the stores of an installation: said first, then done, and nothing the second time.

Only forward. How long a topic is kept is left to whoever runs the broker; the doctor says where that is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, ensure_topics, log_bounds, topics
from connectors.kafka_look import look_at_cluster
from connectors.kafka_settings import set_topic
from connectors.kafka_topics import topic_config
from connectors.registry import load_channels
from dataflows.recovery import UnusableError
from dataflows.rule_paths import many
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings
from dataflows.start import usable_snapshots

LEFT_ALONE = {"retention.ms"}


class Change(NamedTuple):
    """One thing that is to become otherwise."""

    says: str
    make: Callable[[], object]


def changes(settings: Settings) -> Iterator[Change]:
    """Everything that is to be done, in order; asking for it changes nothing."""
    yield from _topics(settings)
    yield from _tables(settings)


def _topics(settings: Settings) -> Iterator[Change]:
    wanted = topics(load_channels(), log_partitions=settings.log_partitions)
    there = look_at_cluster(kafka_of(settings), wanted).topics
    missing = {name: count for name, count in wanted.items() if name not in there}
    if missing:
        make = partial(ensure_topics, kafka_of(settings), missing)
        yield Change(f"kafka: make {many(len(missing), 'topic')}: {', '.join(missing)}", make)
    for name, look in there.items():
        if look.settings is None:
            raise ValueError(
                f"topic `{name}` must show how it is kept; give us the rights that `anlan access process upkeep` prints"
            )
        if differing := _differing(topic_config(name), look.settings):
            said = ", ".join(f"`{key}` from {look.settings[key]} to {value}" for key, value in differing.items())
            yield Change(f"kafka: set {said} ({name})", partial(set_topic, kafka_of(settings), name, differing))


def _differing(wanted: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in wanted.items()
        if name not in LEFT_ALONE and name in there and there[name] != value and not _is_more(name, there[name], value)
    }


def _is_more(name: str, there: str, wanted: str) -> bool:
    return name == "max.message.bytes" and int(there) >= int(wanted)


def _tables(settings: Settings) -> Iterator[Change]:
    with Pool(pool_of(settings)) as pool:
        look = pool.schema()
    if look.changed or look.unknown:
        names = ", ".join(look.changed + look.unknown)
        raise ValueError(
            f"the pool must be of this release or an earlier one; got schema files that differ: {names};"
            " run the release that brought the pool up to date, or a later one"
        )
    for name in look.pending:
        yield Change(f"clickhouse: run {name}", partial(_migrate, settings))


def _migrate(settings: Settings) -> None:
    """Runs all files at once; for those behind the first it does nothing more."""
    with Pool(pool_of(settings)) as pool:
        pool.migrate()


def state_note(settings: Settings) -> str:
    """What becomes of the state, where it is not what this release keeps: it is not guessed at."""
    try:
        usable_snapshots(Path(settings.state), log_bounds(kafka_of(settings), INTAKE_LOG))
    except UnusableError as reason:
        return f"state: the next start sets it aside and rebuilds it from the intake log: {reason}"
    return ""
