"""How much memory a process has now."""

from __future__ import annotations

import resource
from pathlib import Path

PAGE_BYTES = resource.getpagesize()


def resident_bytes(pid: int | str = "self") -> int:
    """Resident set of a process, our own by default."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
