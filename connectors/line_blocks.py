"""A file of lines read in blocks, several readers sharing one file without speaking to each other."""

from __future__ import annotations

from pathlib import Path

BLOCK_BYTES = 1 << 20
_MORE_BYTES = 1 << 12
_NEWLINE = ord("\n")


class LineBlocks:
    """One reader's share of a file: of every `shares` blocks one, so that all of them move through it together.

    A line belongs to the block in which it begins. Lines come as they are, each with its newline, in the order of the
    file; the last line of a file may lack one. What `read` gives is valid until the next `read`.
    """

    def __init__(self, path: Path | str, share: int = 0, shares: int = 1, block_bytes: int = BLOCK_BYTES) -> None:
        self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115 it stays open until `close`
        self._shares = shares
        self._block_bytes = block_bytes
        self._block = share  # the next one, by its number
        self._held = bytearray(block_bytes + 1)

    def read(self) -> memoryview:
        """Whole lines; none is left once nothing comes."""
        while found := self._load():
            self._block += self._shares
            begin = self._first_line(found)
            if begin < found:
                end = self._to_line_end(found)
                return memoryview(self._held)[begin:end]
        return memoryview(b"")

    def _load(self) -> int:
        """Read one block, and the last character before it: how many there are in all."""
        at = self._block * self._block_bytes
        self._file.seek(at - 1 if at else 0)
        if not at:
            self._held[0] = _NEWLINE
        found = self._file.readinto(memoryview(self._held)[0 if at else 1 : self._block_bytes + 1])
        return found + (0 if at else 1) if found and (found > 1 or not at) else 0

    def _first_line(self, found: int) -> int:
        """Where the first line of the block begins; at its end if none does."""
        end = self._held.find(b"\n", 0, found) + 1
        return end or found

    def _to_line_end(self, found: int) -> int:
        """Read on to where the last line of the block ends."""
        while self._held[found - 1] != _NEWLINE:
            if len(self._held) < found + _MORE_BYTES:
                self._held = self._held + bytes(_MORE_BYTES)  # others may still look at the one before
            more = self._file.readinto(memoryview(self._held)[found : found + _MORE_BYTES])
            if not more:
                break
            end = self._held.find(b"\n", found, found + more) + 1
            found = end or found + more
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
