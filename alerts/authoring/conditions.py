"""The condition of a `select` as a tree, to take single names out of it: `a and not b` without `b` is `a`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_TOKEN = re.compile(r"[()]|[A-Za-z_][\w-]*")


class Term(NamedTuple):
    """A part of a condition: a name, or `not`, `and`, `or` over parts."""

    word: str
    parts: tuple[Term, ...] = ()


def without_each(condition: str) -> Iterator[tuple[str, str]]:
    """For every name in a condition that can be read: the name, and the condition without it, "" for nothing left.

    A name that stands there again is told apart by a number: `a`, `a 2`.
    """
    tree = _Reader(_TOKEN.findall(condition)).read()
    seen: dict[str, int] = {}
    for place, name in enumerate(_names(tree)):
        seen[name] = seen.get(name, 0) + 1
        left = _without(tree, place)
        yield name if seen[name] == 1 else f"{name} {seen[name]}", _text(left) if left is not None else ""


class _Reader:
    """Reads the tokens of a condition that is known to be right."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def read(self) -> Term:
        return self._joined("or", lambda: self._joined("and", self._single))

    def _joined(self, word: str, part: Callable[[], Term]) -> Term:
        parts = [part()]
        while self.tokens and self.tokens[-1] == word:
            self.tokens.pop()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Term(word, tuple(parts))

    def _single(self) -> Term:
        token = self.tokens.pop()
        if token == "not":
            return Term("not", (self._single(),))
        if token == "(":
            inner = self.read()
            self.tokens.pop()
            return inner
        return Term(token)


def _names(term: Term) -> list[str]:
    return [name for part in term.parts for name in _names(part)] if term.parts else [term.word]


def _without(term: Term, place: int) -> Term | None:
    """The tree without its name number `place`."""
    if not term.parts:
        return None
    kept = []
    for part in term.parts:
        size = len(_names(part))
        left = _without(part, place) if 0 <= place < size else part
        if left is not None:
            kept.append(left)
        place -= size
    if not kept:
        return None
    return kept[0] if len(kept) == 1 and term.word != "not" else Term(term.word, tuple(kept))


def _text(term: Term) -> str:
    if not term.parts:
        return term.word
    inner = [f"({_text(part)})" if part.word in ("and", "or") and part.parts else _text(part) for part in term.parts]
    return f"not {inner[0]}" if term.word == "not" else f" {term.word} ".join(inner)
