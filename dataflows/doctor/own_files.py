"""The files of an installation: its keys, rules, routing, mappings and calendars."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from alerts.model import to_us
from connectors.calendars import covered_until, load_calendars
from connectors.pseudonym import load_keyring
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.seal import load_unsealer
from dataflows.api.tokens import read_tokens
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.installation import all_mappings, clock_of, names_seen, rules_of
from dataflows.rule_paths import many
from dataflows.settings import Settings, required

SECRETS = ("kafka_password_file", "redis_password_file", "clickhouse_password_file", "tls_key", "server_key")
DAY = 86_400_000_000
CALENDAR_DAYS = 60  # before the last year ends somebody writes the next: on-call says so, too


def look_at_keyring(settings: Settings) -> Iterator[Line]:
    """The keys of the pseudonyms, and whether an older one can go."""
    required(settings, "keyring")
    _, *older = load_keyring(settings.keyring).keys
    yield _secret("keyring", settings.keyring)
    if older:
        yield from _older_keys(settings, {key.id for key in older})


def _older_keys(settings: Settings, older: Collection[str]) -> Iterator[Line]:
    for key in names_seen(settings)[0]:
        if key.id not in older or key.needed_us is None:
            continue
        if clock_of(settings)() < key.needed_us:
            yield ok("keyring", f"`{key.id}` is needed {key.needed()}")
        else:
            yield attention(
                "keyring", f"`{key.id}` is needed no more: windows go on without it", f"`anlan keys forget {key.id}`"
            )


def look_at_seal_key(settings: Settings) -> Iterator[Line]:
    """The key that opens sealed rows."""
    required(settings, "seal_key")
    load_unsealer(settings.seal_key)
    yield _secret("seal key", settings.seal_key)


def look_at_passwords(settings: Settings) -> Iterator[Line]:
    """The files of passwords and private keys that secure the ways to the servers and our own doors."""
    for name in SECRETS:
        if path := getattr(settings, name):
            yield _secret(f"`{name}`", path)


def look_at_tokens(settings: Settings) -> Iterator[Line]:
    """The tokens of the service; the file holds their hashes, so who may read it does not matter."""
    if settings.api_tokens:
        yield ok("tokens", f"{many(len(read_tokens(Path(settings.api_tokens))), 'token')} can be read")


def _secret(area: str, path: str) -> Line:
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if mode & 0o007:
        return broken(
            area, f"must be read by its owner alone; got mode {mode:o}, anybody ({path})", f"chmod 600 {path}"
        )
    if mode & 0o070:
        return attention(area, f"can be read by a group; mode {mode:o} ({path})", f"chmod 600 {path}")
    return ok(area, f"readable, and by its owner alone ({path})")


def look_at_rules(settings: Settings) -> Iterator[Line]:
    """The rule book, and who is told."""
    calendars = load_calendars()
    rules = rules_of(settings, load_channels(), calendars)
    yield ok("rules", f"{many(len(rules), 'rule')} can be read")
    load_routing(settings.routing or ROUTING_FILE, calendars)
    yield ok("routing", "can be read")


def look_at_mappings(settings: Settings) -> Iterator[Line]:
    """The mappings, and the topics they are meant for."""
    required(settings, "keyring")
    mappings = all_mappings(settings, load_channels(), load_keyring(settings.keyring))
    yield ok("mappings", f"{many(len(mappings), 'mapping')} can be read")
    for topic, name in settings.raw_mappings.items():
        if name not in mappings:
            yield broken(
                "mappings",
                f"the mapping of `{topic}` must be known; got `{name}`",
                "put its folder into `mappings`, or correct `raw_mappings`",
            )


def look_at_calendars(settings: Settings) -> Iterator[Line]:
    """How long working days can be counted."""
    until = covered_until(load_calendars())
    days = int((to_us(until) - clock_of(settings)()) // DAY)
    remedy = "put the file of the next year into the calendars: docs/runbooks/oncall/calendar-runs-out.md"
    if days < 0:
        yield broken("calendars", f"must reach beyond today; got {until.date()} as their end", remedy)
    elif days < CALENDAR_DAYS:
        yield attention("calendars", f"end in {many(days, 'day')}, on {until.date()}", remedy)
    else:
        yield ok("calendars", f"reach to {until.date()}")
