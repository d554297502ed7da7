"""How much memory this process has now."""

from __future__ import annotations

import resource
from pathlib import Path

PAGE_BYTES = resource.getpagesize()


def resident_bytes() -> int:
    """Resident set of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
