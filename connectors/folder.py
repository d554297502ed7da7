"""Files that departments drop: `<folder>/<mapping>/<file>`, read row by row, then sealed away in `done`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event as Flag
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.gate import Gate
from connectors.rows import Failure, Format, Row, read_rows
from connectors.seal import Sealer

DONE = "done"
BATCH = 500
LOOK_EVERY = timedelta(milliseconds=500)
RETRY_EVERY = timedelta(minutes=1)  # that a file is tried again which the system did not let us read or move
_UNFINISHED = (".part", ".tmp")

_log = logging.getLogger("anlan.folder")

Progress = dict[str, int]  # file, as `<mapping>/<name>@<when it was written>`, and rows read of it; -1 all of them


class FileRow(NamedTuple):
    """One row of a dropped file, or why it could not be read."""

    mapping: str
    source: str  # `file:<mapping>/<name>@<when it was written>:<line>`
    row: Row | Failure


class FolderSource(FixedPartitionedSource[list[FileRow], Progress]):
    """Read the files in a folder's subfolders, each named after the mapping that reads it.

    A file is taken when its name does not end in `.part` or `.tmp` nor begin with a dot, so write it under such
    a name and rename it. One that was read goes to `done/` once a snapshot holds its last row: sealed, because it
    is full of people; whoever holds the private key can open it.

    While `gate` is closed nothing is read: a large file waits where it lies.

    Parallel by: nothing; one partition `folder`.
    Delivery: at least once; rows that come again have the same `source`.
    On failure: a row that cannot be read is a failure in its place; a folder without a mapping is logged and left.
    So is a file that the system does not let us read or move; it is tried again every minute while others go on,
    and of what was read of it nothing comes a second time.
    """

    def __init__(
        self,
        folder: Path | str,
        formats: Mapping[str, Format],
        sealer: Sealer,
        stop: Flag | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._gate = gate or Gate()
        self._folder = Path(folder)
        self._formats = formats
        self._sealer = sealer
        self._stop = stop or Flag()

    def list_parts(self) -> list[str]:
        return ["folder"]

    def build_part(self, step_id: str, for_part: str, resume_state: Progress | None) -> _FolderPart:
        self._folder.mkdir(parents=True, exist_ok=True)
        progress = dict(resume_state or {})
        return _FolderPart(self._folder, self._formats, self._sealer, self._stop, self._gate, progress)


class _FolderPart(StatefulSourcePartition[list[FileRow], Progress]):
    def __init__(
        self, folder: Path, formats: Mapping[str, Format], sealer: Sealer, stop: Flag, gate: Gate, progress: Progress
    ) -> None:
        self._gate = gate
        self._sealer = sealer
        self._folder = folder
        self._formats = formats
        self._stop = stop
        self._progress = progress
        self._saved: set[str] = {name for name, rows in progress.items() if rows < 0}
        self._reading: tuple[str, str, Iterator[Row | Failure]] | None = None
        self._look_at = datetime.now(UTC)
        self._warned: set[str] = set()
        self._sealed: set[str] = set()  # files in a box that could not be removed yet
        self._left: dict[str, datetime] = {}  # files that could not be read or moved, and when they are tried again

    def next_batch(self) -> list[list[FileRow]]:
        if self._stop.is_set():
            raise StopIteration
        if not self._gate.is_open() or (self._reading is None and not self._open_next()):
            return []
        rows = self._read()
        return [rows] if rows else []

    def next_awake(self) -> datetime:
        # never far away: an engine step that sleeps holds up everybody's snapshot
        return datetime.now(UTC) + timedelta(milliseconds=0 if self._reading else 20)

    def snapshot(self) -> Progress:
        finished = {name for name, rows in self._progress.items() if rows < 0}
        for name in finished & self._saved:
            self._move(name)
        self._saved = finished
        return dict(self._progress)

    def _open_next(self) -> bool:
        if datetime.now(UTC) < self._look_at:
            return False
        for path in sorted(self._folder.glob("*/*")):
            place = f"{path.parent.name}/{path.name}"
            if path.parent.name == DONE or self._must_wait(place):
                continue
            try:
                if self._open(path):
                    return True
            except FileNotFoundError:
                continue  # it has gone meanwhile
            except OSError as error:
                self._leave(place, error)
        self._look_at = datetime.now(UTC) + LOOK_EVERY
        return False

    def _open(self, path: Path) -> bool:
        """Begin with a file, or go on with it; false where nothing of it is to be read."""
        if not _is_finished(path):
            return False
        name = _name(path)
        known = self._progress.get(name, 0)
        if known < 0:
            return False
        how = self._formats.get(path.parent.name)
        if how is None:
            self._warn(path)
            return False
        rows = read_rows(path, how)
        for _ in range(known):
            next(rows, None)
        self._reading = (path.parent.name, name, rows)
        return True

    def _read(self) -> list[FileRow]:
        assert self._reading is not None
        mapping, name, rows = self._reading
        found: list[FileRow] = []
        try:
            for row in islice(rows, BATCH):
                found.append(FileRow(mapping, f"file:{name}:{row.position}", row))
        except OSError as error:
            self._reading = None
            self._leave(_place(name), error)
        else:
            if len(found) < BATCH:
                self._progress[name] = -1
                self._reading = None
                self._left.pop(_place(name), None)
                _log.info("file_read file=%s", name)
                return found
        if found:
            self._progress[name] = self._progress.get(name, 0) + len(found)
        return found

    def _move(self, name: str) -> None:
        """Seal a file away; one that cannot be moved stays known as read."""
        place = _place(name)
        if self._must_wait(place):
            return
        path = self._folder / place
        try:
            if path.exists() and _name(path) == name:  # else another file of that name has come
                self._seal_away(path, name)
        except OSError as error:
            self._leave(place, error)
        else:
            self._left.pop(place, None)
            self._sealed.discard(name)
            del self._progress[name]

    def _seal_away(self, path: Path, name: str) -> None:
        """Put a file into a box, once, and remove it."""
        target = self._folder / DONE / f"{name}.sealed"
        if name not in self._sealed:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(".part")
            try:
                part.write_text(self._sealer.seal(path.read_bytes()), encoding="ascii")
                part.replace(target)
            except OSError:
                part.unlink(missing_ok=True)  # half a box opens for nobody
                raise
            self._sealed.add(name)
        path.unlink()

    def _must_wait(self, place: str) -> bool:
        return place in self._left and datetime.now(UTC) < self._left[place]

    def _leave(self, place: str, error: OSError) -> None:
        """Leave a file that the system does not let us read or move; said once."""
        if place not in self._left:
            _log.error("file_left file=%s reason: %s; it is tried again", place, error.strerror or type(error).__name__)
        self._left[place] = datetime.now(UTC) + RETRY_EVERY

    def _warn(self, path: Path) -> None:
        if str(path.parent) not in self._warned:
            self._warned.add(str(path.parent))
            known = ", ".join(sorted(self._formats))
            _log.error("folder_without_mapping folder=%s known=%s", path.parent.name, known)


def _name(path: Path) -> str:
    """A file by its place and the microsecond it was written: one that comes again is another one."""
    return f"{path.parent.name}/{path.name}@{path.stat().st_mtime_ns // 1000}"


def _place(name: str) -> str:
    """Where a file lies: its name without when it was written."""
    return name.rpartition("@")[0]


def _is_finished(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix not in _UNFINISHED
