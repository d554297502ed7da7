"""One process of a group, as its host's supervisor starts it: `python -m dataflows.group.process TASK`.

The front looks at the state and writes into the shared folder what the flow goes on from; the others read it there.
Each holds a lock of its own, so that no two lives of a group have the state at the same time.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from dataflows.beginning import Begun, begin_alone
from dataflows.failures import said_plainly
from dataflows.group.leash import Leash
from dataflows.place import Place
from dataflows.run import run
from dataflows.settings import Settings, load_settings
from dataflows.start import state_folder

PANIC = "PanicException"  # what the engine raises where a connection ends; it has no name that can be imported
FORMAT = "%%(asctime)s %%(levelname)s %%(name)s [%d] %%(message)s"
LIVES = "lives"  # in the folder of the state: what each life began with

_log = logging.getLogger("anlan.group")


class Task(Struct, frozen=True):
    """What a process of a group does."""

    place: Place
    config: str | None  # file with the settings
    log_level: int


def main(written: str) -> None:
    """Run a task until the supervisor ends it."""
    task = msgspec.json.decode(written, type=Task)
    logging.basicConfig(level=task.log_level, stream=sys.stderr, format=FORMAT % task.place.number)
    begin = partial(begin_together, task.place, Leash(sys.stdin.fileno(), sys.stdout.fileno()))
    try:
        with said_plainly():
            run(load_settings(task.config), task.place, begin)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        _log.error("connection_lost to another process of the group; the last snapshot is kept. %s", error)
        sys.exit(1)


@contextlib.contextmanager
def begin_together(place: Place, leash: Leash, settings: Settings) -> Iterator[Begun]:
    """What all processes of a life go on from; waits until it is the turn of this one."""
    leash.wait()
    if not place.is_front:
        with state_folder(settings, f"lock-{place.number}") as folder:
            start, epoch = pickle.loads((folder / LIVES / str(place.life)).read_bytes())
            yield Begun(folder, start, epoch)
        return
    with begin_alone(settings) as begun:
        require_free(settings, begun.folder)
        tell_others(begun, place.life)
        leash.say_prepared()
        yield begun


def require_free(settings: Settings, folder: Path) -> None:
    """Raise `SettingsError` where a process of an earlier life still has the state."""
    for lock in folder.glob("lock-*"):
        with state_folder(settings, lock.name):
            pass


def tell_others(begun: Begun, life: int) -> None:
    """Write down what the front has found, in the place of what earlier lives began with."""
    folder = begun.folder / LIVES
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (folder / f"{life}.part").write_bytes(pickle.dumps((begun.start, begun.epoch)))
    (folder / f"{life}.part").rename(folder / str(life))


if __name__ == "__main__":
    main(sys.argv[1])
