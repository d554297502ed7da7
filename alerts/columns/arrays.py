"""Arrays that the columnar operators share: types, growing by key, and keys packed with times for one sort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Column: TypeAlias = NDArray[Any]

MOST = (1 << 63) - 1


class TooWideError(ValueError):
    """What should be sorted as one number does not fit into 63 bits."""


def fixed(texts: Sequence[str]) -> Column:
    """Texts as an array of bytes (UTF-8), as wide as the widest; those that end with NUL lose it."""
    written = "".join(texts).encode()
    lengths = set(map(len, texts))
    width = min(lengths, default=0)
    if len(lengths) == 1 and 0 < len(written) == len(texts) * width:
        return np.frombuffer(written, f"S{width}")
    return np.array([text.encode() for text in texts], np.bytes_)


def grown(state: Column, keys: int, first: Any) -> Column:
    """The same state with room for `keys` keys; what is new is `first`."""
    if keys <= len(state):
        return state
    made = np.full((1 << (keys - 1).bit_length(), *state.shape[1:]), first, state.dtype)
    made[: len(state)] = state
    return made


class Growing:
    """A column of whole numbers to which more are added again and again."""

    def __init__(self) -> None:
        self._held = np.empty(1024, np.int64)
        self._size = 0

    def add(self, more: Ints) -> None:
        """Some behind those that are there."""
        size = self._size + len(more)
        self._held = grown(self._held, size, 0)
        self._held[self._size : size] = more
        self._size = size

    def __getitem__(self, places: Ints) -> Ints:
        return self._held[places]

    def __len__(self) -> int:
        return self._size


def packed(key: Ints, time: Ints, base: int, span: int) -> Ints:
    """Key and time as one number that sorts by key, then time. Times are in `[base, base + span)`."""
    if len(key) and int(key.max()) >= MOST // span:
        raise TooWideError(f"key and time must fit into 63 bits; got key {int(key.max())} over a span of {span}")
    return key * span + (time - base)


def order_by(key: Ints) -> Ints:
    """The places of some keys, sorted by key; those of one key stay in the order that they had.

    One sort of plain numbers, which is several times faster than a stable sort of places.
    """
    bits = len(key).bit_length()
    if len(key) and int(key.max()) >> (63 - bits):
        return np.argsort(key, kind="stable")
    placed = (key << bits) | np.arange(len(key))
    placed.sort()
    return placed & ((1 << bits) - 1)


def firsts(rows: Ints, key: Ints, may: Callable[[Ints], Mask]) -> Iterator[Ints]:
    """Of some rows in order the first of each key, then the first of those left, and so on.

    `may` is asked before each round which of those that are left still may.
    """
    while len(rows := rows[may(rows)]):
        yield rows[np.unique(key[rows], return_index=True)[1]]


def heads(ordered: Column) -> Mask:
    """Where a run of equal values begins."""
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins
