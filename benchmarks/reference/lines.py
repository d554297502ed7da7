"""The events of all channels as lines in the order in which they were reported: what a peer with one source reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge

from benchmarks.reference.definition import CHANNELS

REPORTED_AT = b'"reported_at":"'
TIME = len("2026-03-01T00:00:00")


def reported_at(line: bytes) -> bytes:
    """Local time without its offset."""
    start = line.index(REPORTED_AT) + len(REPORTED_AT)
    return line[start : start + TIME]


def merged_lines(data: str) -> Iterator[bytes]:
    """All lines, by the time at which they were reported."""
    with ExitStack() as opened:
        files = [opened.enter_context(open(f"{data}/{channel}.jsonl", "rb")) for channel in CHANNELS]
        yield from merge(*files, key=reported_at)
