"""What the settings of an installation name: its clock and its mappings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from alerts.calendar import Calendar
from alerts.channel import Channel
from alerts.remembering import longest_memory
from alerts.rule import Rule
from connectors.calendars import load_calendars
from connectors.kafka import ACTIONS, DEAD_LETTERS, raw_topic
from connectors.kafka_ticks import EVERY_SECOND
from connectors.lexicon import load_lexicon
from connectors.mapping import MAPPINGS_FOLDER, load_mappings
from connectors.mapping import Mapping as RowMapping
from connectors.names import NAMES, HeldKey, Names, Room, look_at
from connectors.pseudonym import Keyring
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, RulebookError, load_rules
from dataflows.servers import upstream_logs
from dataflows.settings import Settings, SettingsError

Clock = Callable[[], int]  # microseconds since 1970

FASTEST_TICKS = timedelta(milliseconds=40)  # of the machine's clock: more of them would only fill the log


def clock_of(settings: Settings) -> Clock:
    """The intake's clock in microseconds: the machine's, or a simulated one that runs faster."""
    if not settings.clock_start:
        return lambda: time.time_ns() // 1000
    start, origin, speed = settings.clock_start, settings.clock_origin, settings.clock_speed
    return lambda: start + int((time.time() - origin) * 1_000_000 * speed)


def tick_interval(settings: Settings) -> timedelta:
    """How much time of the intake's clock passes between two ticks: a second, or what a faster clock makes of 40 ms."""
    return EVERY_SECOND if not settings.clock_start else max(EVERY_SECOND, settings.clock_speed * FASTEST_TICKS)


def intake_topics(settings: Settings, channels: Iterable[str]) -> list[str]:
    """Every topic that the intake reads."""
    return [*map(raw_topic, channels), DEAD_LETTERS, ACTIONS, *upstream_logs(settings)]


def rules_of(settings: Settings, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar]) -> list[Rule]:
    """The rules that run here. Raises `RulebookError` where anything in them is wrong."""
    rules = load_rules(settings.rules or (RULES_FOLDER,), channels, calendars)
    if unfit := unfit_here(settings, rules):
        raise RulebookError("\n".join(unfit))
    return rules


def unfit_here(settings: Settings, rules: Iterable[Rule]) -> list[str]:
    """A sentence for each rule that cannot run here because logs of other installations come in.

    A channel vouches by the latest that was heard of it. Here that may be of another city than the one whose line is
    broken.
    """
    return (
        []
        if not settings.upstream
        else [
            f"a rule about what did not happen must run below, where one city's channels vouch for it; got `{rule.id}`"
            f" ({rule.spec.kind}) beside `upstream`; leave it out of `rules` here"
            for rule in rules
            if rule.spec.kind == "silence" or (rule.plan is not None and rule.plan.vouch)
        ]
    )


def names_of(settings: Settings, rules: Iterable[Rule], room: Room = lambda write: write()) -> Names:
    """Who is called by which token, for as long as one of these rules may remember them."""
    return Names(Path(settings.state) / NAMES, longest_memory(rules), clock_of(settings), room)


def names_seen(settings: Settings) -> tuple[list[HeldKey], int]:
    """The keys that the flow holds, each with how long it is needed, and how many names outlive theirs."""
    rules = rules_of(settings, load_channels(), load_calendars())
    return look_at(Path(settings.state) / NAMES, longest_memory(rules))


def all_mappings(settings: Settings, channels: dict[str, Channel], keyring: Keyring) -> dict[str, RowMapping]:
    """The shipped mappings and those of the installation, by id."""
    lexicon = load_lexicon()
    found: dict[str, RowMapping] = {}
    folders: list[Path | str] = [MAPPINGS_FOLDER, *settings.mappings]
    for folder in folders:
        for name, mapping in load_mappings(folder, channels=channels, keyring=keyring, lexicon=lexicon).items():
            if name in found:
                raise SettingsError(f"a mapping's id must be the only one; got `{name}` again ({folder})")
            found[name] = mapping
    return found
