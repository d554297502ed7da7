"""The state of the flow: whether it can be gone on from, how far behind it is, and the disk it is on."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alerts.duration import format_duration
from connectors.kafka import INTAKE_LOG, ends, log_bounds
from connectors.kafka_intake import last_arrivals
from connectors.kafka_raw import place_named
from connectors.registry import load_channels
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.doctor.room import room_line
from dataflows.installation import clock_of, intake_topics
from dataflows.recovery import SPOOLS, Snapshot, UnusableError, source_states
from dataflows.rule_paths import many
from dataflows.servers import kafka_of
from dataflows.settings import Settings
from dataflows.start import usable_snapshots

BEHIND_SECONDS = 60  # of the log, and of the last tick
SECOND = 1_000_000
LOOKS = 3


def look_at_state(settings: Settings) -> Iterator[Line]:
    """The folder, the last snapshot in it, the log behind it and the rows that wait."""
    folder = Path(settings.state)
    if not folder.is_dir():
        yield attention(
            "state", f"is not there yet ({folder})", "`anlan run` makes it, from the intake log if there is one"
        )
        return
    disk = shutil.disk_usage(folder)
    yield room_line("state disk", disk.free, disk.total)
    yield from _spools(settings, folder / SPOOLS)
    try:
        found = _snapshots(settings, folder)
    except UnusableError as reason:
        yield attention("state", str(reason), "nothing: the next start sets it aside and rebuilds it from the log")
        return
    if not found:
        yield attention("state", "holds no snapshot", "nothing: the next start builds it from the intake log")
        return
    yield ok("state", "can be gone on from")
    yield from look_at_lag(settings, source_states(found))


def _snapshots(settings: Settings, folder: Path) -> list[Snapshot]:
    """What the flow would go on from. One that runs changes it under our eyes: the last of some looks counts."""
    for _ in range(LOOKS - 1):
        with contextlib.suppress(UnusableError):
            return _looked_at(settings, folder)
    return _looked_at(settings, folder)


def _looked_at(settings: Settings, folder: Path) -> list[Snapshot]:
    return usable_snapshots(folder, log_bounds(kafka_of(settings), INTAKE_LOG))


def _spools(settings: Settings, folder: Path) -> Iterator[Line]:
    for path in sorted(folder.glob("*.journal")):
        size = sum(part.stat().st_size for part in folder.glob(f"{path.name}*"))  # SQLite has its own files beside it
        share = size / settings.spool_bytes
        if share >= 1:
            yield broken(f"spool {path.stem}", "is full: the flow waits for its server", "bring the server back")
        elif share >= 0.5:
            yield attention(f"spool {path.stem}", f"is filled to {share:.0%}", "bring its server back")


def look_at_lag(settings: Settings, saved: Mapping[str, Any]) -> Iterator[Line]:
    """How far detection is behind the log, and what waits before it; `saved` says where each source stood."""
    clock_us, _ = saved["log"]
    partitions = len(log_bounds(kafka_of(settings), INTAKE_LOG))
    last_us = max(last_arrivals(kafka_of(settings), INTAKE_LOG, partitions).values(), default=0)
    behind, quiet = (last_us - clock_us) // SECOND, (clock_of(settings)() - last_us) // SECOND
    if behind > BEHIND_SECONDS:
        yield attention(
            "log",
            f"detection is {_length(behind)} behind",
            "nothing while it catches up: see `anlan_records_waited_count`",
        )
    elif quiet > BEHIND_SECONDS:
        yield attention("log", f"the last tick is {_length(quiet)} old: no flow is running", "start `anlan run`")
    else:
        yield ok("log", "detection is where the log is")
    waiting = _waiting(settings, saved.get("raw") or {})
    if waiting and behind <= BEHIND_SECONDS < quiet:
        yield attention("raw topics", f"{many(waiting, 'row')} wait for the intake", "start `anlan run`")


def _waiting(settings: Settings, read: Mapping[str, int]) -> int:
    topics = intake_topics(settings, load_channels())  # positions of others are kept as well: they were read once
    places = {place: offset for name, offset in read.items() if (place := place_named(name))[0] in topics}
    found = ends(kafka_of(settings), places)
    return sum(max(0, end - places[place]) for place, (end, _) in found.items())


def _length(seconds: int) -> str:
    return format_duration(seconds * SECOND)
