"""What a backup is made of, and whether it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

MANIFEST = "manifest.json"
FORMAT = 1


class BackupError(ValueError):
    """A backup that is not whole, or not ours; the sentence says what of it."""


class Part(Struct, frozen=True):
    """One file of a backup."""

    path: str  # below the folder
    bytes: int
    sha256: str
    table: str = ""  # of the pool, whose rows it holds
    rows: int = 0


class Day(Struct, frozen=True):
    """What was said on a day: `anlan digest` prints the same."""

    day: str
    audience: str
    revisions: int
    alerts: int
    strong: str
    weak: str


class Manifest(Struct, frozen=True):
    """All of a backup. It is consistent at `clock_us`: what came later may be in it, and comes again."""

    made_at: datetime
    release: str
    clock_us: int  # of the log, at which the state stood
    offsets: dict[int, int]  # of the log: the next record in each partition
    feed_seq: int  # the last place in the feed
    state_versions: dict[str, int]
    schema: list[str]  # schema files of the pool
    key_ids: list[str]  # of the keyring that its tokens were made with; the keys themselves are not in it
    secrets: list[str]  # that were put into it, because somebody asked
    digests: list[Day]
    parts: list[Part]
    format: int = FORMAT

    def rows(self) -> dict[str, int]:
        """How many rows there are of each table."""
        found: dict[str, int] = {}
        for part in self.parts:
            if part.table:
                found[part.table] = found.get(part.table, 0) + part.rows
        return found


def part_of(folder: Path, file: Path, table: str = "", rows: int = 0) -> Part:
    """A file as the manifest names it."""
    return Part(str(file.relative_to(folder)), file.stat().st_size, _sha256(file), table, rows)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it, whole or not at all: a folder without one is no backup."""
    new = folder / f"{MANIFEST}.new"
    new.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    new.rename(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """Raises `BackupError` where there is none, or one of another format."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BackupError(f"a backup must have its manifest; got none ({folder}); it was not finished") from None
    except msgspec.MsgspecError as error:
        raise BackupError(f"the manifest of a backup must be readable; got {error} ({folder / MANIFEST})") from None
    if manifest.format != FORMAT:
        raise BackupError(f"a backup must have format {FORMAT}; got {manifest.format} ({folder}); use its own release")
    return manifest


def faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    """A sentence for each file that is missing, changed or not named. Reads all of them."""
    for part in manifest.parts:
        file = folder / part.path
        if not file.is_file():
            yield f"a file of a backup must be there; got none ({file})"
        elif file.stat().st_size != part.bytes or _sha256(file) != part.sha256:
            yield f"a file of a backup must be as it was written; got another content ({file})"
    named = {part.path for part in manifest.parts} | {MANIFEST}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and str(file.relative_to(folder)) not in named:
            yield f"a file of a backup must be in its manifest; got one that is not ({file})"


def require_whole(folder: Path) -> Manifest:
    """The manifest of a backup whose files are all as they were written. Raises `BackupError`."""
    manifest = read_manifest(folder)
    if fault := next(faults(folder, manifest), None):
        raise BackupError(fault)
    return manifest


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
