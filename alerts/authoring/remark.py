"""One remark of the lint on a rule."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
Where = tuple[str | int, ...]


class Remark(NamedTuple):
    """What is wrong: a code for machines, the rest of a sentence about the rule, the path of keys."""

    severity: Severity
    code: str
    sentence: str
    path: Where


def error(code: str, sentence: str, *path: str | int) -> Remark:
    """What keeps a rule from being loaded."""
    return Remark("error", code, sentence, path)


def warning(code: str, sentence: str, *path: str | int) -> Remark:
    """Advice for the author."""
    return Remark("warning", code, sentence, path)
