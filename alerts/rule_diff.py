"""What changed between two versions of a rule, and what that means for the state that is kept.

A change is of one of these classes, and the weightiest of its paths is the class of the whole:

* `same`: not a word differs.
* `text`: words, owner, runbook, route, evidence, privacy, tests: nothing that a rule answers. They swap at once.
* `status`: shadow to live or back, disabled, deprecated: who is told, not what is said.
* `ladder`: `levels`, `stages`, `bump` and `lifecycle`: what is kept of a key stays, and is judged again. With another
  status it is told as a status alone would be: as a new generation.
* `structure`: channels, select, key, window, when and all else that changes the answer: a new generation, warmed from
  the pool, run in shadow and cut over at one watermark. So are the levels of a `match`, and of any rule
  whose rungs hold maps of their own: which rung an event fits is kept with the event.
* `new`, `gone`: the rule stands in one of the two books only.

A rule with another meaning must have another version, a greater one: the same version with another semantic hash is
refused (semantics 10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from alerts.rule import SEMANTIC, semantic_hash
from alerts.rule_file import RuleFile

ChangeClass = Literal["same", "text", "status", "ladder", "structure", "new", "gone"]
LADDER = ("levels", "stages", "bump", "lifecycle")
_WEIGHT: tuple[ChangeClass, ...] = ("same", "text", "status", "ladder", "structure")
CONSEQUENCE: dict[ChangeClass, str] = {
    "same": "nothing to do",
    "text": "swaps at once; answers stay as they are",
    "status": "swaps at once; who is told changes",
    "ladder": "state is kept and judged again",
    "structure": "a new generation, warmed from the pool, in shadow, cut over at one watermark",
    "new": "begins empty, or warmed from the pool",
    "gone": "its open alerts close with `rule_disabled`; rules are not deleted, mark it `deprecated`",
}


class PathChange(Struct, frozen=True):
    """One place of the file that differs; None where it was or is not there."""

    path: str
    of: ChangeClass
    before: Any
    after: Any


class Change(Struct, frozen=True):
    """What changed in one rule. `refusal` is a sentence where it must not be loaded."""

    rule: str
    of: ChangeClass
    paths: tuple[PathChange, ...] = ()
    refusal: str | None = None


def classify(old: RuleFile, new: RuleFile) -> Change:
    """The change from one version of a rule to the next."""
    is_same_meaning = semantic_hash(old) == semantic_hash(new)
    own_maps = _rung_maps(old) != _rung_maps(new)
    paths: list[PathChange] = []
    for name in RuleFile.__struct_fields__:
        of = _class_of(name, own_maps)
        if is_same_meaning and of in ("ladder", "structure"):
            of = "text"  # the names of stages, steps and cues are words for people
        before, after = (_plain(name, msgspec.to_builtins(getattr(spec, name))) for spec in (old, new))
        paths += [PathChange(path, of, *values) for path, *values in _differences(name, before, after)]
    found: list[ChangeClass] = ["same", *(path.of for path in paths)]
    weightiest = max(found, key=_WEIGHT.index)
    return Change(new.id, weightiest, tuple(paths), None if is_same_meaning else _refusal(old, new, weightiest))


def compare(old: Mapping[str, RuleFile], new: Mapping[str, RuleFile]) -> list[Change]:
    """The change of every rule of two books, in the order of their ids."""
    changes = []
    for rule in sorted({*old, *new}):
        if rule not in old:
            changes.append(Change(rule, "new"))
        elif rule not in new:
            changes.append(Change(rule, "gone"))
        else:
            changes.append(classify(old[rule], new[rule]))
    return changes


def _class_of(name: str, own_maps: bool) -> ChangeClass:
    if name == "status":
        return "status"
    if name not in SEMANTIC:
        return "text"
    return "ladder" if name in LADDER and not (name == "levels" and own_maps) else "structure"


def _rung_maps(spec: RuleFile) -> list[Any]:
    """What is kept of an event for each rung, where that is anything: a match keeps the level."""
    if spec.kind == "match":
        return [(rung.event, rung.level) for rung in spec.levels]
    return [rung.event for rung in spec.levels] if any(rung.event for rung in spec.levels) else []


def _refusal(old: RuleFile, new: RuleFile, of: ChangeClass) -> str | None:
    if new.version > old.version:
        return None
    got = f"got {new.version} again" if new.version == old.version else f"got {new.version} after {old.version}"
    return f"rule `{new.id}` must get a version above {old.version} when its meaning changes; {got} ({of})"


def _plain(name: str, value: Any) -> Any:
    """Tests are told apart by their names, not by their places."""
    if name != "tests":
        return value
    return {str(test.get("name", number + 1)): test for number, test in enumerate(value)}


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from _differences(f"{path}.{name}", before.get(name), after.get(name))
    elif _is_list_of_maps(before) and _is_list_of_maps(after):
        for place in range(max(len(before), len(after))):
            yield from _differences(f"{path}[{place}]", _at(before, place), _at(after, place))
    else:
        yield path, before, after


def _is_list_of_maps(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _at(listed: list[Any], place: int) -> Any:
    return listed[place] if place < len(listed) else None
