"""Where a program of job R finds its input, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

Command = Callable[[Path], list[str]]  # folder for the answers -> command


class Place(NamedTuple):
    """What is there before a program runs."""

    data: Path  # the four files
    scratch: Path  # where environments and servers may keep what they need


Ready = Callable[[Place], AbstractContextManager[Command]]
