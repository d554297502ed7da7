"""Where the state of the flow is kept: one journal on disk for each step and key, and a pointer in the engine's store.

The engine asks every stateful step for a snapshot at the end of each epoch. Here that costs what has changed: the
changes become one frame of the step's journal, and the engine keeps only which frame is the newest. A restart reads
the frames up to the one that the engine knows; what a life wrote behind it is cut off. Now and then the frames that
no restart can go back before become one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

import msgspec

from alerts.kept import merge
from connectors.journal import RESTARTS, DiskFullError, Journal, JournalError

POINTER_VERSION = 1
MERGE_ABOVE = 4_000_000  # bytes of changes; with less of them a restart is quick as it is
MERGE_AT = 2  # times as many bytes of changes as there were at the last merging: it then costs less than they did


Answer = TypeVar("Answer")
Given = ParamSpec("Given")


class Patience(Protocol):
    """Calls what writes to the disk until there is room for it."""

    def __call__(self, write: Callable[[], Answer]) -> Answer:
        """What `write` answers."""


def _at_once(write: Callable[[], Answer]) -> Answer:
    return write()


def _nothing() -> None:
    pass


class _AtOnce(Executor):
    """Has done what it is given when it has been given."""

    def submit(self, do: Callable[Given, Answer], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Answer]:
        done: Future[Answer] = Future()
        try:
            done.set_result(do(*args, **kwargs))
        except JournalError as error:
            done.set_exception(error)
        return done


class Merger(Protocol):
    """Makes one frame of a journal's oldest."""

    def __call__(self, journal: Journal, until: int) -> Callable[[], bool] | None:
        """Begin, with all up to frame `until`; what tells whether it has ended. None where it cannot begin now."""


def merge_at_once(journal: Journal, until: int) -> Callable[[], bool]:
    """Merge now; has ended when it returns."""
    journal.fold(until, merge)
    return lambda: True


class Stage(Protocol):
    """What keeps state: the stages of detection."""

    def snapshot(self) -> bytes:
        """Everything that is kept, as a frame."""

    def changes(self) -> bytes:
        """What changed since the last snapshot or changes, as a frame."""

    def save_ahead(self, share: float) -> bytes | None:
        """Put a share of what changed into the next frame of changes; the frame where it is large, and nowhere else."""

    def restore(self, frames: Sequence[bytes]) -> None:
        """Take back a snapshot and the changes behind it."""


class Pointer(NamedTuple):
    """What the engine keeps for a step and key: which journal, its name, and its newest frame."""

    version: int
    journal: str  # file below the folder of the store
    name: str  # that the journal gave itself when it was made
    frame: int


def pointer_of(saved: bytes) -> Pointer:
    """Read a pointer. Raises `JournalError` for anything else, such as state that an older release kept."""
    try:
        pointer = msgspec.msgpack.decode(saved, type=Pointer)
    except msgspec.MsgspecError as error:
        raise JournalError(f"saved state must be a pointer; got {error}; rebuild from the intake log") from None
    if pointer.version != POINTER_VERSION:
        raise JournalError(
            f"a pointer must have version {POINTER_VERSION}; got {pointer.version}; rebuild from the intake log"
        )
    return pointer


class Keeps(Protocol):
    """Keeps one stage."""

    def save(self) -> tuple[bytes, int]:
        """Put what changed on the disk: what the engine keeps of it, and how many bytes were written."""

    def save_ahead(self, share: float) -> None:
        """Put a share of what changed, from 0 to 1, where the next `save` has less to do."""


class Store(Protocol):
    """Keeps the stages of a flow."""

    seconds: float  # between two snapshots; 0 where that is not known

    def begin(self, step: str, key: str, stage: Stage) -> Keeps:
        """Keep a stage that begins empty."""

    def resume(self, saved: bytes, stage: Stage) -> Keeps:
        """Give a stage back what was kept when the engine got `saved`; from then on, keep it."""


class StateStore:
    """The journals of one flow, in one folder that every process of the flow can reach."""

    def __init__(
        self,
        folder: Path | str,
        patience: Patience | None = None,
        merger: Merger = merge_at_once,
        seconds: float = 0.0,
        behind: Executor | None = None,
    ) -> None:
        """`patience` is asked to write; without one a full disk is an error. `seconds` lie between snapshots.

        What is saved ahead is written by `behind` while the flow goes on; without one the flow writes it.
        """
        self.folder = Path(folder)
        self.seconds = seconds
        self._patience = patience or _at_once
        self._merger = merger
        self._behind = behind or _AtOnce()

    def begin(self, step: str, key: str, stage: Stage) -> Keeps:
        """Keep a stage that begins empty; what is in its journal is of a life that nothing goes on from."""
        journal = self._patience(lambda: Journal(self.folder / f"{step}.{key}.journal"))
        journal.cut(0)
        nothing = stage.snapshot()  # so that the first snapshot of the flow saves changes, too, and is no longer
        newest = self._patience(lambda: journal.append(nothing))
        return Keeper(journal, stage, self._patience, self._merger, self._behind, newest)

    def resume(self, saved: bytes, stage: Stage) -> Keeps:
        """Give a stage back what was kept when the engine got `saved`; from then on, keep it."""
        pointer = pointer_of(saved)
        journal = self._journal(pointer)
        frames = list(_frames(journal, pointer))
        journal.cut(pointer.frame)
        stage.restore(frames)
        return Keeper(journal, stage, self._patience, self._merger, self._behind, pointer.frame, len(frames[0]))

    def frames(self, saved: bytes) -> Iterator[bytes]:
        """The frames that a pointer stands for, each checked. Raises `JournalError` if one is missing or damaged."""
        pointer = pointer_of(saved)
        with self._journal(pointer) as journal:
            yield from _frames(journal, pointer)

    def _journal(self, pointer: Pointer) -> Journal:
        path = self.folder / pointer.journal
        if not path.exists():
            raise JournalError(f"journal of a snapshot must be there; got none ({path})")
        return Journal(path)


class _Forgetful:
    """For a flow that is never resumed: a bounded replay."""

    seconds = 0.0

    def begin(self, step: str, key: str, stage: Stage) -> Keeps:
        return self

    def resume(self, saved: bytes, stage: Stage) -> Keeps:
        raise ValueError(f"a flow that keeps nothing must begin empty; got {len(saved)} bytes to resume from")

    def save(self) -> tuple[bytes, int]:
        return b"", 0

    def save_ahead(self, share: float) -> None:
        pass


FORGETFUL: Store = _Forgetful()


def _frames(journal: Journal, pointer: Pointer) -> Iterator[bytes]:
    if journal.name != pointer.name:
        raise JournalError(f"journal must be the one of the snapshot; got another ({journal.path})")
    newest = 0
    for number, body in journal.frames(until=pointer.frame):
        newest = number
        yield body
    if newest != pointer.frame:
        raise JournalError(f"journal must reach to frame {pointer.frame}; got {newest} as the newest ({journal.path})")


class Keeper:
    """Keeps one stage in a journal."""

    def __init__(
        self,
        journal: Journal,
        stage: Stage,
        patience: Patience,
        merger: Merger,
        behind: Executor,
        newest: int,
        merged_bytes: int = 0,
    ) -> None:
        """What the stage keeps stands in the journal up to its `newest` frame; `behind` writes what is saved ahead."""
        self._journal = journal
        self._stage = stage
        self._patience = patience
        self._merger = merger
        self._behind = behind
        self._writing: tuple[bytes, Future[int]] | None = None  # the last frame that was saved ahead
        self._has_merged: Callable[[], bool] | None = None  # asks whether the merging at hand is done
        self._merged_bytes = merged_bytes  # of the frame that the frames before became
        self._ahead_bytes = 0  # saved since the last snapshot
        self._saved = deque([newest] * RESTARTS, RESTARTS)  # frames that a restart may go back to

    def save(self) -> tuple[bytes, int]:
        """Put what changed on the disk: the pointer for the engine, and how many bytes that were, ahead and now."""
        body = self._stage.changes()
        self._written()
        frame = self._append(body)
        size, self._ahead_bytes = self._ahead_bytes + len(body), 0
        self._saved.append(frame)
        self._merge(self._saved[0])
        pointer = Pointer(POINTER_VERSION, self._journal.path.name, self._journal.name, frame)
        return msgspec.msgpack.encode(pointer), size

    def save_ahead(self, share: float) -> None:
        """Save some of what changed, without waiting for the disk. The next life cuts off what no snapshot follows."""
        body = self._stage.save_ahead(share)
        if body is not None:
            self._written()
            self._patience(_nothing)  # to wait for room is for the flow
            self._writing = body, self._behind.submit(self._journal.append, body)
            self._ahead_bytes += len(body)

    def _written(self) -> None:
        """Wait until what was saved ahead is on the disk. Raises `JournalError` where it cannot be."""
        if self._writing is not None:
            (body, done), self._writing = self._writing, None
            try:
                done.result()
            except DiskFullError:
                self._append(body)

    def _append(self, body: bytes) -> int:
        return self._patience(lambda: self._journal.append(body))

    def _merge(self, until: int) -> None:
        """Make one frame of those that no restart goes back before, once the changes outweigh what they change."""
        if self._has_merged is not None:
            if not self._has_merged():
                return
            self._has_merged = None
            self._merged_bytes = self._journal.measure()
        if self._journal.size - self._merged_bytes >= max(MERGE_AT * self._merged_bytes, MERGE_ABOVE):
            self._has_merged = self._merger(self._journal, until)
