"""Run the tests that stand inside a mapping file, through the real door."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from alerts.channel import Channel
from alerts.model import DeadLetter, Event, to_us
from connectors.deadletter import Dropped
from connectors.door import Door
from connectors.lexicon import Lexicon
from connectors.mapping import compile_mapping
from connectors.pseudonym import Key, Keyring
from connectors.tables import Tables
from connectors.yaml_file import Document, load

_KEY = Key("t1", bytes(range(32)))  # tests promise nothing secret
_LATE = "2100-01-01T00:00:00+00:00"


def check_mapping(path: Path | str, *, channels: dict[str, Channel], lexicon: Lexicon, tables: Tables) -> list[str]:
    """One sentence for each expectation of a mapping file that is not met; none when all are."""
    document = load(path)
    door = Door(channels, Keyring([_KEY]))
    compiled = compile_mapping(
        document, channels=channels, keyring=door.privacy.keyring, lexicon=lexicon, tables=tables
    )
    sentences: list[str] = []
    for number, test in enumerate(compiled.tests):
        fresh = compile_mapping(
            document, channels=channels, keyring=door.privacy.keyring, lexicon=lexicon, tables=tables
        )
        now_us = to_us(datetime.fromisoformat(str(test.get("now", _LATE))))
        got: list[dict[str, Any]] = []
        for position, row in enumerate(test.get("rows") or [], 1):
            full = dict.fromkeys(fresh.columns, "") | {str(k): _text(v) for k, v in (row or {}).items()}
            admitted = door.admit_row(fresh, full, f"test:{position}", now_us)
            got += [_flat(answer) for answer in admitted]
        sentences += _compare(document, number, test, got)
    return sentences


def _compare(document: Document, number: int, test: dict[str, Any], got: list[dict[str, Any]]) -> Iterator[str]:
    expected = test.get("expect") or []
    claim = f"test `{test.get('name')}`"
    if len(expected) != len(got):
        where = document.at(("tests", number))
        yield f"{claim} must give {len(expected)} answers; got {len(got)}: {got} ({where})"
        return
    names: dict[str, Any] = {}
    for index, (want, answer) in enumerate(zip(expected, got, strict=True)):
        for field, value in want.items():
            found = answer.get(field)
            if not _is_met(value, found, names):
                where = document.at(("tests", number, "expect", index, field))
                yield f"{claim} must give `{field}` = `{value}`; got `{found}` in {answer} ({where})"


def _is_met(want: Any, found: Any, names: dict[str, Any]) -> bool:
    """Equal; or `*` for any value; or `@x` for the same value wherever `@x` stands, and another elsewhere."""
    if want == "*":
        return found is not None
    if isinstance(want, str) and want.startswith("@"):
        if want in names:
            return bool(found == names[want])
        is_other = found is not None and found not in names.values()
        names[want] = found
        return is_other
    return bool(want == found)


def _flat(answer: Event | DeadLetter | Dropped) -> dict[str, Any]:
    """An answer as the map that `expect` is compared with: `attrs.street` and `link.to` are members."""
    if isinstance(answer, Dropped):
        return {"dropped": answer.reason}
    if isinstance(answer, DeadLetter):
        return {"dead": answer.reason, "sentence": answer.sentence, "raw": answer.raw}
    flat: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(answer).items():
        if name in ("attrs", "link"):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = list(value) if isinstance(value, tuple) else value
    flat.setdefault("reporter_class", "citizen")
    return flat


def _text(value: Any) -> Any:
    if isinstance(value, dict | list) or value is None:
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
