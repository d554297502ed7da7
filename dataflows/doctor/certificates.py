"""The certificates of an installation: our own, and those that its servers show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alerts.model import to_us
from dataflows.certificates import WARNED_DAYS, in_files, of_servers
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.installation import clock_of
from dataflows.rule_paths import many
from dataflows.settings import Settings

DAY = 86_400_000_000
REMEDY = "have it renewed for the same host: docs/runbooks/oncall/certificate-ends.md"


def look_at_certificates(settings: Settings) -> Iterator[Line]:
    """How long each is valid. A server that does not answer is the matter of its own line."""
    for name, end in (in_files(settings) | of_servers(settings)).items():
        yield _line(f"certificate `{name}`", end, int((to_us(end) - clock_of(settings)()) // DAY))


def _line(area: str, end: datetime, days: int) -> Line:
    if days < 0:
        return broken(area, f"must be valid; got one that ended on {end.date()}", REMEDY)
    if days < WARNED_DAYS:
        return attention(area, f"ends in {many(days, 'day')}, on {end.date()}", REMEDY)
    return ok(area, f"is valid until {end.date()}")
