"""Frames: what a stage keeps, cut into named parts, so that saving it costs what has changed.

A *part* is one piece of state under a name, such as one key of one rule. A *frame* is msgpack:
`[version, whole, {name: value}]`. A whole frame is everything that is kept, and what came before it counts no more.
Any other one changes it: a part that is there replaces what stood under its name, nil takes it away. Frames are put
together without understanding what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

Name = tuple[Any, ...]  # of numbers, words and further tuples
Frame = tuple[int, bool, dict[Name, Raw]]

GONE = Raw(b"\xc0")  # nil
_ARRAYS = range(0x90, 0xA0)  # the first byte of a short msgpack array
_SMALL = 0x80  # a number below this is its own byte
_NOT_WHOLE = b"\xc2"  # false
_LONG = 16  # a msgpack array of so many has its length in bytes of its own
_TOGETHER = 512  # names and values that are written by one call, far quicker than one by one
_MAP = 0xDF  # the first byte of a map whose length is in the next four
LARGE = 4_000_000  # bytes of a frame that is better written than made longer: it would be copied and written at once


class StateVersionError(ValueError):
    """State that another version of the code has kept, or that is no state at all."""


def encode(version: int, parts: Mapping[Name, Any], *, whole: bool) -> bytes:
    """One frame of parts in plain types; None for a part that is gone."""
    return ENCODER.encode((version, whole, parts))


class Changes:
    """A frame of changes that grows part by part, so that no part is looked at twice.

    Of two parts with one name the later counts. What is put must stay as it is until `settle`.
    """

    __slots__ = ("_buffer", "_count", "_put", "_version")

    def __init__(self, version: int) -> None:
        self._version = version
        self._put: list[Any] = []  # names and values in turn
        self._begin()

    def _begin(self) -> None:
        self._buffer = bytearray((_ARRAYS[3], self._version, *_NOT_WHOLE, _MAP, 0, 0, 0, 0))
        self._count = 0

    def put(self, name: Name, value: Any) -> None:
        """One more part in plain types; None for one that is gone."""
        self._put += (name, value)
        if len(self._put) == _TOGETHER:
            self.settle()

    def settle(self) -> None:
        """Write what was put: it may change from now on."""
        if self._put:
            place = len(self._buffer)
            ENCODER.encode_into(self._put, self._buffer, -1)
            # a map is written as a list of its names and values in turn, but for its first bytes
            del self._buffer[place : place + (1 if len(self._put) < _LONG else 3)]
            self._count += len(self._put) // 2
            self._put.clear()

    def frame(self) -> bytes:
        """The frame of what was put; what follows begins another one."""
        self.settle()
        self._buffer[4:8] = self._count.to_bytes(4, "big")
        made = bytes(self._buffer)
        self._begin()
        return made

    def large_frame(self) -> bytes | None:
        """The frame of what was put, where it is large; None where there is room for more in it."""
        self.settle()
        return self.frame() if len(self._buffer) > LARGE else None


def version_of(frame: bytes) -> int:
    """The version of a frame, read from its first bytes. Raises `StateVersionError` for what is no frame."""
    if len(frame) < 2 or frame[0] not in _ARRAYS or frame[1] >= _SMALL:
        found = frame[:4].hex()
        raise StateVersionError(f"state must begin with its version; got `{found}`; rebuild from the intake log")
    return frame[1]


def merge(frames: Sequence[bytes]) -> bytes:
    """One frame that says what these say one after the other; nothing in it is gone where one of them is whole."""
    whole, parts = _together(frames, version_of(frames[0]))
    return encode(version_of(frames[0]), parts, whole=whole)


def decode(frames: Sequence[bytes], version: int) -> dict[Name, Raw]:
    """The parts that a whole frame and the changes behind it leave. Raises `StateVersionError`."""
    whole, parts = _together(frames, version)
    return parts if whole else {name: value for name, value in parts.items() if value != GONE}


def _together(frames: Sequence[bytes], version: int) -> tuple[bool, dict[Name, Raw]]:
    whole, together = False, dict[Name, Raw]()
    for frame in frames:
        is_whole, parts = _read(frame, version)
        if is_whole:
            whole, together = True, parts
        else:
            together.update(parts)
            if whole:
                for name in [name for name, value in parts.items() if value == GONE]:
                    del together[name]
    return whole, together


def _read(frame: bytes, version: int) -> tuple[bool, dict[Name, Raw]]:
    found = version_of(frame)
    if found != version:
        raise StateVersionError(f"state must have version {version}; got {found}; rebuild from the intake log")
    _, is_whole, parts = _FRAMES.decode(frame)
    return is_whole, parts


def _encode_extra(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise NotImplementedError(f"state must be plain; got {type(value).__name__}")


ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_extra)
_FRAMES = msgspec.msgpack.Decoder(Frame)
