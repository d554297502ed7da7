"""May a contract change so? What was released is compared with what the code says now, field by field.

What others send us may be allowed more, never less. What we send may gain fields and values of open enums; whatever
readers build on (a field, its type, that it is always there) stays, and what was written once stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from connectors.contracts.json_schema import Direction, Schema

FLOORS, CEILINGS = ("minimum", "minLength"), ("maximum", "maxLength")
EXACT = ("pattern", "format", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems")
ABSENT = object()


class Break(NamedTuple):
    """One change that breaks a reader or a sender: of which field, and what to do instead."""

    field: str
    must: str
    got: str
    remedy: str

    def __str__(self) -> str:
        return f"`{self.field}` must {self.must}; got {self.got}; {self.remedy}"


def breaks(old: Schema, new: Schema, direction: Direction) -> list[Break]:
    """Every change from the released document that breaks somebody."""
    return list(_Comparison(old, new, direction).nodes(old, new, ""))


class _Comparison:
    def __init__(self, old: Schema, new: Schema, direction: Direction) -> None:
        self.old = old
        self.new = new
        self.direction = direction

    def nodes(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        before, now = _kinds(old, self.old), _kinds(new, self.new)
        lost, gained = before.keys() - now.keys(), now.keys() - before.keys()
        if (lost and "any" not in now) or ((lost or gained) and self.direction == "sent"):
            yield Break(
                at, f"stay {_or(before)}", _or(now), "keep its type, and add another field for what has another one"
            )
        for kind in before.keys() & now.keys():
            yield from self.values(before[kind], now[kind], at)
            yield from self.fields(before[kind], now[kind], at)
            if "items" in before[kind] or "items" in now[kind]:
                yield from self.nodes(before[kind].get("items", {}), now[kind].get("items", {}), f"{at}[]")
            if kind == "object":
                old_value, new_value = (each.get("additionalProperties", {}) for each in (before[kind], now[kind]))
                yield from self.nodes(old_value, new_value, f"{at}.*".lstrip("."))

    def fields(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        fields, required = new.get("properties", {}), set(old.get("required", ()))
        for name, before in old.get("properties", {}).items():
            path = f"{at}.{name}".lstrip(".")
            if name not in fields:
                yield Break(
                    path, "be there", "no such field", "put it back, and say in its sentence that it is no more"
                )
                continue
            yield from self.nodes(before, fields[name], path)
            if before.get("default", ABSENT) != fields[name].get("default", ABSENT) and name not in required:
                yield Break(path, "keep its default", "another one", "give the old default: who leaves it out means it")
        for name in fields.keys() & set(new.get("required", ())) - required:
            path = f"{at}.{name}".lstrip(".")
            yield Break(path, "stay optional", "a field that is required", "give it a default")
        for name in required & fields.keys() - set(new.get("required", ())):
            if self.direction == "sent":
                path = f"{at}.{name}".lstrip(".")
                yield Break(path, "always be there", "a field with a default", "take the default away")

    def values(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        before, now = set(old.get("enum", ())), set(new.get("enum", ()))
        if now and not before:
            yield Break(at, "not be closed", f"only {_and(now)}", "leave it open")
        elif lost := before - now:
            yield Break(at, f"keep {_and(lost)}", _and(now) or "an open enum", "put it back")
        elif (more := now - before) and self.direction == "sent":
            yield Break(at, "stay closed", f"{_and(more)} more", "publish the next version of the record beside it")
        for name in (*FLOORS, *CEILINGS, *EXACT):
            if self._is_bound_broken(name, old.get(name), new.get(name)):
                yield Break(at, f"keep `{name}` {old.get(name)}", f"{new.get(name)}", "leave the bound as it was")

    def _is_bound_broken(self, name: str, old: Any, new: Any) -> bool:
        if old == new:
            return False
        if self.direction == "sent" or old is None:
            return True
        is_looser = new is None or (name in FLOORS and new <= old) or (name in CEILINGS and new >= old)
        return not is_looser


def _kinds(node: Schema | bool, document: Schema) -> dict[str, Schema]:
    """What a value may be: `integer`, `null`, `object` …, each with what is said of it."""
    if isinstance(node, bool):
        return {"any": {}} if node else {}
    if "$ref" in node:
        return _kinds(document["$defs"][node["$ref"].rsplit("/", 1)[-1]], document)
    if "anyOf" in node:
        return {kind: part for each in node["anyOf"] for kind, part in _kinds(each, document).items()}
    values = node.get("enum", ())
    kind = node.get("type") or ("string" if values and all(isinstance(each, str) for each in values) else "any")
    return {kind: node}


def _or(kinds: dict[str, Schema]) -> str:
    return " or ".join(sorted(kinds)) or "nothing"


def _and(values: set[Any]) -> str:
    return ", ".join(sorted(map(str, values)))
