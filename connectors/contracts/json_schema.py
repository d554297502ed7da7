"""JSON Schemas of what crosses the border, made from the model and the sentences about its fields.

What we send may grow: a reader has to take members and values that it does not know. So the values of an enum that we
send stand under `x-extensible-enum`, which says what is known today and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import inspect

from alerts.model import Acted, AlertAction, DeadLetter, Event, Receipt, Revision
from connectors.action_door import BY_THE_DESK
from connectors.yaml_file import load

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SENTENCES = Path(__file__).with_name("sentences.yaml")
OPEN_ENUM = "x-extensible-enum"

Schema = dict[str, Any]
Direction = Literal["sent", "taken"]


class Contract(NamedTuple):
    """One record of the outside contract: the name with its version, what it is, and who writes it."""

    name: str
    type: type[msgspec.Struct]
    direction: Direction
    own: frozenset[str] = frozenset()  # values of its enums that only we write

    @property
    def file(self) -> str:
        """The name of its document: `alert-1.json`."""
        return self.name.replace("/", "-") + ".json"


CONTRACTS = (
    Contract("alert/1", Revision, "sent"),
    Contract("acted/1", Acted, "sent"),
    Contract("dead-letter/1", DeadLetter, "sent"),
    Contract("alert-action/1", AlertAction, "taken", frozenset({BY_THE_DESK})),
    Contract("receipt/1", Receipt, "taken"),
    Contract("event/1", Event, "taken"),
)


def json_schema(contract: Contract) -> Schema:
    """The document of one record; whatever it is made of stands under `$defs`."""
    (root,), parts = msgspec.json.schema_components([contract.type], ref_template="#/$defs/{name}")
    told = _sentences()
    for name, info in _structs(inspect.type_info(contract.type)).items():
        _tell(parts[name], info, told.get(name, {}))
    for part in parts.values():
        if contract.direction == "sent":
            _open_enums(part)
        elif contract.own:
            _leave_out(part, contract.own)
    said = {"$schema": DIALECT, "$id": f"urn:anlan:{contract.name.replace('/', ':')}", "title": contract.name}
    document = {**said, "$ref": root["$ref"], "$defs": dict(sorted(parts.items()))}
    return msgspec.json.decode(msgspec.json.encode(document), type=Schema)  # as whoever reads the file has it


def _sentences() -> Mapping[str, Mapping[str, str]]:
    data: Mapping[str, Mapping[str, str]] = load(SENTENCES).data
    return data


def _tell(part: Schema, info: inspect.StructType, told: Mapping[str, str]) -> None:
    """What the generator does not say: what a field means, and which texts are times."""
    part["description"] = cleandoc(part.get("description", ""))
    for field in info.fields:
        found = part["properties"][field.encode_name]
        if any(isinstance(each, inspect.DateTimeType) for each in _alternatives(field.type)):
            _date_time(found)
        if field.encode_name in told:
            found["description"] = told[field.encode_name]


def _date_time(found: Schema) -> None:
    for each in (found, *found.get("anyOf", ())):
        if each.get("type") == "string":
            each["format"] = "date-time"


def _open_enums(node: Any) -> None:
    if isinstance(node, list):
        for each in node:
            _open_enums(each)
    elif isinstance(node, dict):
        if isinstance(values := node.get("enum"), list) and all(isinstance(value, str) for value in values):
            del node["enum"]
            node.update({"type": "string", OPEN_ENUM: values})
        for each in node.values():
            _open_enums(each)


def _leave_out(part: Schema, own: frozenset[str]) -> None:
    for found in part.get("properties", {}).values():
        if "enum" in found:
            found["enum"] = [value for value in found["enum"] if value not in own]


def _structs(info: inspect.Type) -> dict[str, inspect.StructType]:
    """The records that a type is made of, by name."""
    found: dict[str, inspect.StructType] = {}
    waiting = [info]
    while waiting:
        each = waiting.pop()
        if isinstance(each, inspect.StructType):
            if each.cls.__name__ not in found:
                found[each.cls.__name__] = each
                waiting += [field.type for field in each.fields]
        else:
            waiting += _inside(each)
    return found


def _inside(info: inspect.Type) -> Iterator[inspect.Type]:
    """The types that a union, a list or a map is made of."""
    if isinstance(info, inspect.UnionType):
        yield from info.types
    elif isinstance(info, inspect.VarTupleType | inspect.ListType):
        yield info.item_type
    elif isinstance(info, inspect.DictType):
        yield info.value_type


def _alternatives(info: inspect.Type) -> tuple[inspect.Type, ...]:
    return info.types if isinstance(info, inspect.UnionType) else (info,)
