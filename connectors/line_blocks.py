"""A file of lines read in blocks, several readers sharing one file without speaking to each other."""

from __future__ import annotations

import os
from pathlib import Path

BLOCK_BYTES = 1 << 20


class LineBlocks:
    """One reader's share of a file: of every `shares` blocks one, so that all of them move through it together.

    A line belongs to the block in which it begins. Lines come as they are, each with its newline, in the order of the
    file; the last line of a file may lack one.
    """

    def __init__(self, path: Path | str, share: int = 0, shares: int = 1, block_bytes: int = BLOCK_BYTES) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._shares = shares
        self._block_bytes = block_bytes
        self._block = share  # the next one, by its number
        self._rest = b""  # the beginning of a line that goes on in the next block, where that is ours too

    def read(self) -> bytes:
        """Whole lines; none is left once nothing comes."""
        while found := os.pread(self._file, self._block_bytes, self._block * self._block_bytes):
            lines = self._whole(found)
            self._block += self._shares
            if lines:
                return lines
        lines, self._rest = self._rest, b""
        return lines

    def _whole(self, found: bytes) -> bytes:
        if self._shares == 1:
            end = found.rfind(b"\n") + 1
            lines, self._rest = (self._rest + found[:end], found[end:]) if end else (b"", self._rest + found)
            return lines
        begin = self._first_line(found)
        return b"" if begin < 0 else found[begin:] + self._to_line_end(found)

    def _first_line(self, found: bytes) -> int:
        """Where the first line of a block begins; -1 if none does."""
        at = self._block * self._block_bytes
        if at == 0 or os.pread(self._file, 1, at - 1) == b"\n":
            return 0
        end = found.find(b"\n") + 1
        return end if 0 < end < len(found) else -1

    def _to_line_end(self, found: bytes) -> bytes:
        """The rest of the last line of a block, from the blocks behind it."""
        rest, at = b"", self._block * self._block_bytes + len(found)
        if found.endswith(b"\n"):
            return rest
        while more := os.pread(self._file, 1 << 16, at):
            end = more.find(b"\n") + 1
            if end:
                return rest + more[:end]
            rest, at = rest + more, at + len(more)
        return rest

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
