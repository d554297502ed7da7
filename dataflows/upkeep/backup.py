"""A backup: the state of the flow, and the pool behind it. What both follow from is in Kafka, which keeps copies."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from alerts.digest import by_day, local_day
from alerts.model import to_us
from connectors.address import Where
from connectors.clickhouse import Pool
from connectors.clickhouse_published import last_published
from connectors.kafka import INTAKE_LOG, log_bounds
from connectors.pseudonym import load_keyring
from dataflows.digest_sources import of_pool
from dataflows.recovery import UnusableError
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings
from dataflows.start import VERSIONS
from dataflows.upkeep.manifest import BackupError, Day, Manifest, Part, part_of, write_manifest
from dataflows.upkeep.state_copy import copy_state

STATE, POOL, SECRETS = "state", "pool", "secrets"
KEYRING, SEAL_KEY = "keyring", "seal-key"
FAR_US = 2**62

Seen = Callable[[str, int], None]  # what was written, and how many rows


def make_backup(
    settings: Settings, folder: Path, secrets: Sequence[str], seen: Seen = lambda name, rows: None
) -> Manifest:
    """Write one into a new folder, while the flow runs or not.

    First the state, then the pool: so both together hold at least what the state has seen, with what waited for the
    pool then, and what the pool holds beyond comes again, as after a crash. Raises `BackupError`.
    """
    _require_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    try:
        manifest = _written(settings, folder, secrets, seen)
    except BaseException:
        shutil.rmtree(folder)  # half a backup is none, and would be in the way of the next
        raise
    write_manifest(folder, manifest)
    return manifest


def _written(settings: Settings, folder: Path, secrets: Sequence[str], seen: Seen) -> Manifest:
    try:
        clock_us, offsets = copy_state(Path(settings.state), folder / STATE, log_bounds(kafka_of(settings), INTAKE_LOG))
    except UnusableError as reason:
        raise BackupError(f"a backup must be of a state that a flow could go on from; {reason}") from reason
    parts = [part_of(folder, file) for file in sorted((folder / STATE).rglob("*")) if file.is_file()]
    with Pool(pool_of(settings)) as pool:
        for saved in pool.save(folder / POOL):
            parts.append(part_of(folder, saved.file, saved.table, saved.rows))
            seen(saved.file.name, saved.rows)
        feed_seq = last_published(pool).feed_seq
        schema = [row["name"] for row in pool.rows("SELECT name FROM schema_migrations FINAL ORDER BY number")]
    parts += _secrets(settings, folder, secrets)
    return Manifest(
        datetime.now(UTC), version("anlan"), clock_us, offsets, feed_seq, VERSIONS, schema,
        [key.id for key in load_keyring(settings.keyring).keys], sorted(secrets), days_of(pool_of(settings)), parts,
    )  # fmt: skip


def _require_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"a backup must go into a new or an empty folder; got one that holds something ({folder})")


def _secrets(settings: Settings, folder: Path, wanted: Sequence[str]) -> list[Part]:
    """Copies of the secrets that somebody asked for, each by its name."""
    found = []
    for name in wanted:
        to = folder / SECRETS / name
        to.parent.mkdir(mode=0o700, exist_ok=True)
        to.touch(mode=0o600)
        shutil.copyfile(settings.keyring if name == KEYRING else settings.seal_key, to)
        found.append(part_of(folder, to))
    return found


def days_of(dsn: Where) -> list[Day]:
    """The digests of every day on which something was said."""
    said = of_pool(dsn, (0, FAR_US))
    known = by_day(said, sorted({local_day(each.detected_us) for each in said}))
    return [
        Day(day=str(day), audience=audience, **msgspec.structs.asdict(digest))
        for (day, audience), digest in known.items()
        if digest.revisions
    ]


def days_before(manifest: Manifest) -> list[Day]:
    """The digests of the days that were over when a backup was made: they must be what they were."""
    today = str(local_day(to_us(manifest.made_at)))
    return [day for day in manifest.digests if day.day < today]
