"""What may change: whatever the checker lets pass breaks nobody, and each kind of break is named with its field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from connectors.contracts.compatibility import breaks
from connectors.contracts.json_schema import OPEN_ENUM, Direction, Schema

TEXTS = st.sampled_from(["", "a", "b", "abc", "z" * 9])
NAMES = st.sampled_from(["one", "two", "three"])
DIRECTIONS: list[Direction] = ["sent", "taken"]


def bounded(kind: str, low: str, high: str, top: int) -> st.SearchStrategy[Schema]:
    bounds = {low: st.integers(0, 2), high: st.integers(2, top)}
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=bounds)


def schemas(depth: int = 2) -> st.SearchStrategy[Schema]:
    """Small schemas as the model makes them."""
    values = st.lists(st.sampled_from(["a", "b", "abc"]), min_size=1, unique=True)
    leaves = st.one_of(
        bounded("integer", "minimum", "maximum", 9), bounded("string", "minLength", "maxLength", 5),
        st.builds(lambda each: {"enum": each}, values),
        st.builds(lambda each: {"type": "string", OPEN_ENUM: each}, values),
        st.just({"type": "boolean"}), st.just({}),
    )  # fmt: skip
    if depth == 0:
        return leaves
    inner = schemas(depth - 1)
    return st.one_of(
        leaves,
        leaves.filter(lambda each: "type" in each).map(lambda each: {"anyOf": [each, {"type": "null"}]}),
        st.builds(lambda each: {"type": "array", "items": each}, inner),
        st.builds(lambda each: {"type": "object", "additionalProperties": each}, inner),
        objects(inner),
    )


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema] | None = None) -> Schema:
    """A record: some of its fields are required, the others have a default."""
    fields = draw(st.dictionaries(NAMES, inner if inner is not None else schemas(1), max_size=3))
    required = sorted(draw(st.sets(st.sampled_from(sorted(fields))))) if fields else []
    return {"type": "object", "properties": fields, "required": required}


@st.composite
def changed(draw: st.DrawFn, node: Schema) -> Schema:
    """The same schema with some places of it drawn anew or bent."""
    node = copy.deepcopy(node)
    what = draw(st.sampled_from(["keep", "keep", "another", "inner", "inner", "fields", "bound", "values"]))
    if what == "another":
        return draw(schemas(1))
    if what == "inner" and node.get("properties"):
        name = draw(st.sampled_from(sorted(node["properties"])))
        node["properties"][name] = draw(changed(node["properties"][name]))
    elif what == "inner" and "items" in node:
        node["items"] = draw(changed(node["items"]))
    elif what == "fields" and "properties" in node:
        node["properties"] |= draw(st.dictionaries(NAMES, schemas(0), max_size=1))
        known = sorted(node["properties"])
        node["required"] = draw(st.sampled_from([node["required"], node["required"][1:], known]))
    elif what == "bound":
        for name in node.keys() & {"minimum", "maximum", "minLength", "maxLength"}:
            node[name] += draw(st.integers(-1, 1))
    elif what == "values" and "enum" in node:
        node["enum"] = draw(st.sampled_from([node["enum"][:1], [*node["enum"], "new"]]))
    return node


@st.composite
def records(draw: st.DrawFn, node: Schema) -> Any:
    """A record that fits a schema, or nearly: whoever draws it asks whether it does."""
    if "anyOf" in node:
        return draw(records(draw(st.sampled_from(node["anyOf"]))))
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    if "properties" in node:
        wanted = [name for name in node["properties"] if name in node["required"] or draw(st.booleans())]
        return {name: draw(records(node["properties"][name])) for name in wanted}
    kind = node.get("type")
    if kind == "object":
        return draw(st.dictionaries(NAMES, records(node["additionalProperties"]), max_size=2))
    if kind == "array":
        return draw(st.lists(records(node["items"]), max_size=2))
    known = {"integer": st.integers(-1, 11), "string": TEXTS, "boolean": st.booleans(), "null": st.none()}
    return draw(known[kind] if kind in known else st.one_of(st.integers(0, 9), TEXTS, st.none()))


@pytest.mark.parametrize("direction", DIRECTIONS)
@given(st.data())
def test_what_passes_breaks_nobody(direction: Direction, data: st.DataObject) -> None:
    old = data.draw(objects())
    new = data.draw(changed(old))
    assume(not breaks(old, new, direction))

    before, now = Draft202012Validator(old), Draft202012Validator(new)
    written = data.draw(records(old))
    if before.is_valid(written):
        assert now.is_valid(written)
    if direction == "sent" and now.is_valid(said := data.draw(records(new))):
        assert before.is_valid(said)


@pytest.mark.parametrize("direction", DIRECTIONS)
@given(objects())
def test_nothing_changed_breaks_nothing(direction: Direction, schema: Schema) -> None:
    assert breaks(schema, copy.deepcopy(schema), direction) == []


@pytest.mark.parametrize("direction", DIRECTIONS)
@given(objects(), schemas(1))
def test_a_field_with_a_default_may_come(direction: Direction, schema: Schema, field: Schema) -> None:
    new = copy.deepcopy(schema)
    new["properties"]["late"] = {**field, "default": None}

    assert breaks(schema, new, direction) == []


RECORD: Schema = {
    "$ref": "#/$defs/Alert",
    "$defs": {
        "Alert": {
            "type": "object",
            "properties": {
                "route": {"$ref": "#/$defs/Route"},
                "level": {"enum": ["blue", "red"]},
                "state": {"type": "string", OPEN_ENUM: ["open"]},
                "count": {"type": "integer", "default": 0, "maximum": 9},
                "code": {"type": "string", "minLength": 2},
                "due": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
                "evidence": {"type": "array", "items": {"$ref": "#/$defs/Route"}},
                "seqs": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
            "required": ["route", "level", "state"],
        },
        "Route": {"type": "object", "properties": {"feed": {"type": "string"}}, "required": []},
    },
}


def alert(new: Schema) -> Schema:
    found: Schema = new["$defs"]["Alert"]
    return found


CASES: dict[str, tuple[Any, Direction, str]] = {
    "a field goes": (
        lambda new: new["$defs"]["Route"]["properties"].clear(), "sent",
        "`route.feed` must be there; got no such field; put it back, and say in its sentence that it is no more",
    ),
    "a type changes": (
        lambda new: alert(new)["properties"].update(count={"type": "number", "default": 0}), "taken",
        "`count` must stay integer; got number; keep its type, and add another field for what has another one",
    ),
    "a type may be null": (
        lambda new: alert(new)["properties"].update(level={"anyOf": [{"enum": ["blue", "red"]}, {"type": "null"}]}),
        "sent", "`level` must stay string; got null or string",
    ),
    "a value may no longer come": (
        lambda new: alert(new)["properties"].update(level={"enum": ["red"]}), "taken",
        "`level` must keep blue; got red; put it back",
    ),
    "a closed list of ours grows": (
        lambda new: alert(new)["properties"].update(level={"enum": ["blue", "red", "black"]}), "sent",
        "`level` must stay closed; got black more; publish the next version of the record beside it",
    ),
    "a field is required": (
        lambda new: alert(new)["required"].append("due"), "taken",
        "`due` must stay optional; got a field that is required; give it a default",
    ),
    "a field comes and is required": (
        lambda new: (alert(new)["properties"].update(late={"type": "string"}), alert(new)["required"].append("late")),
        "taken", "`late` must stay optional; got a field that is required; give it a default",
    ),
    "a field may be absent": (
        lambda new: alert(new)["required"].remove("state"), "sent",
        "`state` must always be there; got a field with a default; take the default away",
    ),
    "a default changes": (
        lambda new: alert(new)["properties"]["count"].update(default=1), "taken",
        "`count` must keep its default; got another one; give the old default: who leaves it out means it",
    ),
    "a bound is tighter": (
        lambda new: alert(new)["properties"]["count"].update(maximum=5), "taken",
        "`count` must keep `maximum` 9; got 5; leave the bound as it was",
    ),
    "a lower bound is tighter": (
        lambda new: alert(new)["properties"]["code"].update(minLength=3), "taken",
        "`code` must keep `minLength` 2; got 3; leave the bound as it was",
    ),
    "a bound of ours is wider": (
        lambda new: alert(new)["properties"]["count"].update(maximum=99), "sent",
        "`count` must keep `maximum` 9; got 99; leave the bound as it was",
    ),
    "a bound of ours is gone": (
        lambda new: alert(new)["properties"]["count"].pop("maximum"), "sent",
        "`count` must keep `maximum` 9; got None; leave the bound as it was",
    ),
    "text is closed": (
        lambda new: alert(new)["properties"].update(code={"enum": ["ab"]}), "taken",
        "`code` must not be closed; got only ab; leave it open",
    ),
    "inside a list": (
        lambda new: alert(new)["properties"]["evidence"].update(items={"type": "string"}), "sent",
        "`evidence[]` must stay object; got string",
    ),
    "inside a map": (
        lambda new: alert(new)["properties"]["seqs"].update(additionalProperties={"type": "string"}), "taken",
        "`seqs.*` must stay integer; got string",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_break_names_the_field_and_the_remedy(case: str) -> None:
    change, direction, sentence = CASES[case]
    new = copy.deepcopy(RECORD)
    change(new)

    found = [str(each) for each in breaks(RECORD, new, direction)]

    assert found
    assert found[0].startswith(sentence)


@pytest.mark.parametrize(
    ("change", "direction"),
    [
        (lambda new: alert(new)["properties"]["state"].update({OPEN_ENUM: ["open", "paused"]}), "sent"),
        (lambda new: alert(new)["properties"].update(level={"enum": ["blue", "red", "black"]}), "taken"),
        (lambda new: alert(new)["properties"]["count"].update(maximum=99), "taken"),
        (lambda new: alert(new)["properties"]["count"].pop("maximum"), "taken"),
        (lambda new: alert(new)["properties"]["code"].update(minLength=1), "taken"),
        (lambda new: alert(new)["required"].remove("state"), "taken"),
        (lambda new: alert(new)["properties"]["count"].update(description="another sentence"), "sent"),
    ],
    ids=[
        "open values",
        "more is taken",
        "a wider bound",
        "no bound",
        "a lower bound",
        "no longer required of others",
        "another sentence",
    ],
)
def test_what_breaks_nobody_passes(change: Any, direction: Direction) -> None:
    new = copy.deepcopy(RECORD)
    change(new)

    assert breaks(RECORD, new, direction) == []
