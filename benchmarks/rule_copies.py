"""As many rules as are asked for: the shipped ones, kind by kind in turn, and copies of them under other ids."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from connectors.rulebook import RULES_FOLDER, find_rule_files

LEFT_OUT = "silence"  # a channel is watched once, however many rules there are
_ID = re.compile(r"^id: (\S+)$", re.MULTILINE)
_KIND = re.compile(r"^kind: (\S+)$", re.MULTILINE)


def rule_files(folder: Path, count: int) -> list[Path]:
    """`count` rule files; the first ones are the same, however many are asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = list(_mixed())
    found = []
    for number in range(count):
        copy, place = divmod(number, len(texts))
        path = folder / f"{number:03}.yaml"
        path.write_text(_ID.sub(rf"id: \1{_ending(copy)}", texts[place], count=1), encoding="utf-8")
        found.append(path)
    return found


def original(rule: str) -> str:
    """The shipped rule of which this one is a copy."""
    return rule.partition("-copy-")[0]


def _ending(copy: int) -> str:
    return f"-copy-{'abcdefgh'[copy - 1]}" if copy else ""


def _mixed() -> Iterator[str]:
    """The shipped rules so that neighbours are of different kinds."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for path in find_rule_files([RULES_FOLDER]):
        text = path.read_text(encoding="utf-8")
        kind = _KIND.search(text)
        assert kind is not None
        by_kind[kind[1]].append(text)
    by_kind.pop(LEFT_OUT, None)
    for row in zip_longest(*(by_kind[kind] for kind in sorted(by_kind))):
        yield from (text for text in row if text is not None)
