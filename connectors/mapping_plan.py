"""From the YAML of a mapping to the closures that it means; everything is refused here that can be."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any, get_args

import msgspec
from msgspec import Struct

from alerts.channel import Channel
from alerts.model import Action, ReporterClass, Text
from connectors.mapping_conditions import Holds, compile_condition
from connectors.mapping_fields import PEOPLE, FieldCompiler, or_refuse, time_formats
from connectors.mapping_times import zone_of
from connectors.mapping_values import Fields, Get, Recipes, as_word
from connectors.pseudonym import KINDS, Keyring, Kind
from connectors.rows import ENCODINGS, Format
from connectors.tables import Tables
from connectors.yaml_file import Document, Where

KEYS = (
    *("apiVersion", "id", "version", "title", "format", "zone", "times", "channel", "empty", "tables"),
    *("stops", "let", "drop", "fields", "pseudonymise", "reporter_class", "lexicon", "attrs", "events"),
    *("same_contact", "tests"),
)
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class EventPlan(Struct):
    """One event that a row may give."""

    action: str
    when: Holds | None
    fields: list[tuple[str, Get]]
    codes: tuple[str, ...]  # of reporter, pair, household and place, those said to be public codes
    attrs: list[tuple[str, Get]]


class Plan(Struct):
    """A compiled mapping."""

    id: str
    version: int
    title: Text
    format: Format
    channel: Get
    one_channel: str  # "" where it differs from row to row
    lexicon: bool
    read: Callable[[Map[str, Any]], Fields]
    lets: list[tuple[str, Get]]
    drops: list[tuple[Holds, str]]
    events: list[EventPlan]
    same_contact: list[Get]
    columns: dict[str, Kind | None]
    tests: list[dict[str, Any]]


def compile_plan(document: Document, *, channels: dict[str, Channel], keyring: Keyring, tables: Tables) -> Plan:
    """Check and compile one mapping file."""
    return _Compiler(document, channels, keyring, tables).plan()


class _Compiler:
    def __init__(self, document: Document, channels: dict[str, Channel], keyring: Keyring, tables: Tables) -> None:
        self.document = document
        data = document.data
        document.check_keys(data, KEYS)
        self.data: dict[str, Any] = data
        self._need("apiVersion", "id", "version", "format", "channel", "fields", "tests")
        if data["apiVersion"] != "mappings/v1":
            got = data["apiVersion"]
            raise document.refuse(f"`apiVersion` must be `mappings/v1`; got `{got}`", ("apiVersion",))
        self.channels = channels
        self.format = self._format()
        self.recipes = Recipes(
            document,
            keyring=keyring,
            tables={name: dict(table) for name, table in tables.by_name.items()} | self._tables(),
            stops=self._stops(),
            empty=frozenset(("", *map(str, self._list("empty")))),
            strict=self.format.type != "jsonl",
        )
        self.fields = FieldCompiler(
            document,
            self.recipes,
            keyring,
            zone=or_refuse(document, zone_of, data["zone"], ("zone",)) if "zone" in data else None,
            times=time_formats(document, data.get("times", ["iso"]), ("times",)),
            pseudonymise=self._pseudonymise(),
        )

    def plan(self) -> Plan:
        data = self.data
        lets = []
        for name, recipe in self._map("let").items():
            lets.append((name, self.recipes.compile(recipe, ("let", name))))
            self.recipes.lets[name] = recipe
        fields = self._map("fields")
        attrs = self._map("attrs")
        channel = self._channel()
        return Plan(
            id=self._id(),
            version=self._version(),
            title=self._title(),
            format=self.format,
            channel=channel,
            one_channel=data["channel"] if isinstance(data["channel"], str) else "",
            lexicon=self._lexicon(),
            read=self.recipes.read,
            lets=lets,
            drops=[self._drop(entry, ("drop", i)) for i, entry in enumerate(self._list("drop"))],
            events=[
                self._event(entry, fields, attrs, channel, ("events", i))
                for i, entry in enumerate(self._list("events") or [{"action": "received"}])
            ],
            same_contact=[self.recipes.column(str(name)) for name in self._list("same_contact")],
            columns=self.recipes.columns,
            tests=self._tests(),
        )

    def _need(self, *names: str) -> None:
        for name in names:
            if self.data.get(name) is None:
                raise self.document.refuse(f"mapping must have `{name}`; got nothing")

    def _map(self, name: str) -> dict[str, Any]:
        value = self.data.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.document.refuse(f"`{name}` must be a map; got `{value}`", (name,))
        return value or {}

    def _list(self, name: str) -> list[Any]:
        value = self.data.get(name)
        if value is not None and not isinstance(value, list):
            raise self.document.refuse(f"`{name}` must be a list; got `{value}`", (name,))
        return value or []

    def _stops(self) -> dict[str, list[Any]]:
        stops = self._map("stops")
        for name, values in stops.items():
            if not isinstance(values, list):
                raise self.document.refuse(f"stops `{name}` must be a list; got `{values}`", ("stops", name))
        return stops

    def _id(self) -> str:
        name = str(self.data["id"])
        if not _ID.fullmatch(name):
            raise self.document.refuse(f"`id` must be kebab-case; got `{name}`", ("id",))
        return name

    def _version(self) -> int:
        version = self.data["version"]
        if type(version) is not int or version < 1:
            raise self.document.refuse(f"`version` must be a number from 1; got `{version}`", ("version",))
        return version

    def _title(self) -> Text:
        title = self._map("title")
        self.document.check_keys(title, ("zh", "en"), ("title",))
        return Text(zh=str(title.get("zh", "")), en=str(title.get("en", "")))

    def _format(self) -> Format:
        said = self._map("format")
        self.document.check_keys(said, Format.__struct_fields__, ("format",))
        try:
            how = msgspec.convert(said, Format)
        except msgspec.ValidationError as error:
            raise self.document.refuse(f"`format` must be right; got {error}", ("format",)) from None
        if how.encoding not in ENCODINGS:
            known = ", ".join(ENCODINGS)
            got = how.encoding
            raise self.document.refuse(f"`encoding` must be one of {known}; got `{got}`", ("format", "encoding"))
        if how.type == "csv" and len(how.delimiter) != 1:
            raise self.document.refuse(
                f"`delimiter` must be one character; got `{how.delimiter}`", ("format", "delimiter")
            )
        return how

    def _tables(self) -> dict[str, dict[str, Any]]:
        tables = {}
        for name, table in self._map("tables").items():
            if not isinstance(table, dict):
                raise self.document.refuse(f"table `{name}` must be a map; got `{table}`", ("tables", name))
            tables[name] = {str(key): as_word(value) for key, value in table.items()}
        return tables

    def _pseudonymise(self) -> dict[str, str]:
        said = self._map("pseudonymise")
        self.document.check_keys(said, PEOPLE, ("pseudonymise",))
        for name, kind in said.items():
            if kind not in (*KINDS, "code"):
                known = ", ".join((*KINDS, "code"))
                where = ("pseudonymise", name)
                raise self.document.refuse(f"kind must be one of {known}; got `{kind}`", where)
        return {name: str(kind) for name, kind in said.items()}

    def _lexicon(self) -> bool:
        said = self.data.get("lexicon", False)
        if not isinstance(said, bool):
            raise self.document.refuse(f"`lexicon` must be true or false; got `{said}`", ("lexicon",))
        if said and "text" not in self._map("fields"):
            raise self.document.refuse("`lexicon` must have a `text` in `fields`; got none", ("lexicon",))
        return said

    def _channel(self) -> Get:
        said = self.data["channel"]
        if not isinstance(said, str):
            return self.recipes.compile(said, ("channel",))
        if said not in self.channels:
            known = ", ".join(self.channels)
            raise self.document.refuse(f"`channel` must be one of {known}; got `{said}`", ("channel",))
        return lambda row: said

    def _drop(self, entry: Any, where: Where) -> tuple[Holds, str]:
        self.document.check_keys(entry, ("reason", "when"), where)
        if not entry.get("reason") or "when" not in entry:
            raise self.document.refuse(
                f"a drop must have `reason` and `when`; got {', '.join(entry) or 'nothing'}", where
            )
        condition = compile_condition(self.document, self.recipes, entry["when"], (*where, "when"))
        return condition, str(entry["reason"])

    def _event(
        self, entry: Any, fields: dict[str, Any], attrs: dict[str, Any], channel: Get, where: Where
    ) -> EventPlan:
        self.document.check_keys(entry, ("action", "when", "fields", "attrs", "without"), where)
        action = entry.get("action")
        if action not in get_args(Action):
            known = ", ".join(get_args(Action))
            raise self.document.refuse(f"`action` must be one of {known}; got `{action}`", (*where, "action"))
        own = entry.get("fields") or {}
        without = entry.get("without") or []
        if not isinstance(own, dict) or not isinstance(without, list):
            raise self.document.refuse("`fields` must be a map and `without` a list; got others", where)
        said: dict[str, tuple[Any, Where]]
        said = {name: (recipe, ("fields", name)) for name, recipe in fields.items() if name not in without}
        said |= {name: (recipe, (*where, "fields", name)) for name, recipe in own.items()}
        for name in ("id", "occurred_at"):
            if name not in said:
                raise self.document.refuse(f"event `{action}` must have the field `{name}`; got none", where)
        gets: list[tuple[str, Get]] = [("channel", channel)]
        gets += [(name, self.fields.field(name, recipe, at)) for name, (recipe, at) in said.items()]
        if "reporter_class" in self.data:
            gets.append(("reporter_class", self._reporter_class()))
        when = entry.get("when")
        return EventPlan(
            action=action,
            when=None if when is None else compile_condition(self.document, self.recipes, when, (*where, "when")),
            fields=gets,
            codes=tuple(name for name, kind in self.fields.pseudonymise.items() if kind == "code"),
            attrs=self._attrs(attrs, entry.get("attrs") or {}, without, where),
        )

    def _attrs(
        self, common: dict[str, Any], own: dict[str, Any], without: list[str], where: Where
    ) -> list[tuple[str, Get]]:
        said: dict[str, tuple[Any, Where]]
        said = {name: (recipe, ("attrs", name)) for name, recipe in common.items() if "attrs" not in without}
        said |= {name: (recipe, (*where, "attrs", name)) for name, recipe in own.items()}
        return [(name, self.fields.attr(recipe, at)) for name, (recipe, at) in said.items()]

    def _reporter_class(self) -> Get:
        rules: list[tuple[Holds, str]] = []
        for index, entry in enumerate(self._list("reporter_class")):
            where: Where = ("reporter_class", index)
            self.document.check_keys(entry, ("class", "when"), where)
            name = entry.get("class")
            if name not in get_args(ReporterClass):
                known = ", ".join(get_args(ReporterClass))
                raise self.document.refuse(f"`class` must be one of {known}; got `{name}`", where)
            when = compile_condition(self.document, self.recipes, entry.get("when"), (*where, "when"))
            rules.append((when, name))
        return lambda row: next((name for holds, name in rules if holds(row)), None)

    def _tests(self) -> list[dict[str, Any]]:
        tests = self.data["tests"]
        if not isinstance(tests, list) or not tests:
            raise self.document.refuse("mapping must have at least one test; got none", ("tests",))
        for index, test in enumerate(tests):
            self.document.check_keys(test, ("name", "rows", "expect", "now"), ("tests", index))
        return tests
