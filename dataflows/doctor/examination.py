"""Everything the doctor looks at, in the order in which things depend on each other."""

from __future__ import annotations

from collections.abc import Iterator

from dataflows.doctor.broker import look_at_broker
from dataflows.doctor.certificates import look_at_certificates
from dataflows.doctor.feeds import look_at_feed, look_at_feeds
from dataflows.doctor.group import look_at_group
from dataflows.doctor.kept_state import look_at_state
from dataflows.doctor.line import Check, Line, attention, lines_of
from dataflows.doctor.own_files import (
    look_at_calendars,
    look_at_keyring,
    look_at_mappings,
    look_at_passwords,
    look_at_rules,
    look_at_seal_key,
    look_at_tokens,
)
from dataflows.doctor.pool import look_at_pool
from dataflows.doctor.ports import look_at_ports
from dataflows.doctor.service import look_at_service
from dataflows.settings import Settings

_MEND = "correct the file that it names"
CHECKS: tuple[tuple[str, Check, str], ...] = (
    ("keyring", look_at_keyring, "set `keyring`; `anlan keys make FOLDER` makes one for a new installation"),
    ("seal key", look_at_seal_key, "set `seal_key`; `anlan keys make FOLDER` makes one for a new installation"),
    ("passwords", look_at_passwords, "make the file that it names, or set the other"),
    ("certificates", look_at_certificates, "make the file that it names, or set the other"),
    ("tokens", look_at_tokens, "`anlan tokens make` makes entries for it"),
    ("rules", look_at_rules, f"{_MEND}; `anlan rules lint` and `anlan routing check` say more"),
    ("mappings", look_at_mappings, _MEND),
    ("calendars", look_at_calendars, _MEND),
    ("kafka", look_at_broker, "start it, or set `kafka`; the flow waits for it, and nothing can come in"),
    ("redis", look_at_feeds, "start it, or set `redis`; alerts for it wait in the spool"),
    ("clickhouse", look_at_pool, "start it, or set `clickhouse`; rows for it wait in the spool"),
    ("feed", look_at_feed, "start what does not answer"),
    ("service", look_at_service, "correct the file that it names"),
    ("state", look_at_state, "start what does not answer"),
    ("group", look_at_group, "start what does not answer"),
    ("ports", look_at_ports, "correct the setting that it names"),
)
NEEDS: dict[str, tuple[str, ...]] = {"feed": ("kafka", "redis"), "state": ("kafka",), "group": ("kafka",)}
OF_SEVERAL = ("group", "ports")  # only where this host is one of several


def examine(settings: Settings) -> Iterator[Line]:
    """One line after the other. Nothing is changed."""
    away: set[str] = set()
    for area, check, remedy in CHECKS:
        if area in OF_SEVERAL and not settings.group_host:
            continue
        if needed := away.intersection(NEEDS.get(area, ())):
            yield attention(area, f"was not looked at: {' and '.join(sorted(needed))} must answer first", remedy)
            continue
        for line in lines_of(area, check, settings, remedy):
            if line.area == area and line.verdict == "broken":
                away.add(area)
            yield line
