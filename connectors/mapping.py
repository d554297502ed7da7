"""A mapping turns the rows of one department's export into events: a YAML file with its tests.

The language is described in docs/mappings.md. A file is compiled once; admitting a row runs closures.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from alerts.channel import Channel
from alerts.model import Event, Link, Text
from connectors.deadletter import Dropped, Refused, RefusedError, show
from connectors.identifiers import may_identify
from connectors.lexicon import Lexicon
from connectors.mapping_plan import EventPlan, Plan, compile_plan
from connectors.privacy import Privacy, attr_kind
from connectors.pseudonym import Keyring
from connectors.refusal import refuse
from connectors.rows import Format
from connectors.scrub import scrub
from connectors.tables import Tables, load_tables
from connectors.yaml_file import Document, load

MAPPINGS_FOLDER = Path(__file__).parent / "mappings"
TEXT_LENGTH = 4_000
CONTACTS_KEPT = 50_000
_PLAIN = ("id", "case", "matter", "subject", "unit", "subcategory")
_MARKERS = {
    "phone": "[手机]",
    "id_card": "[证件号]",
    "name": "[姓名]",
    "address": "[住址]",
    "plate": "[车牌]",
}

Answer = Event | Refused | Dropped


class Mapping:
    """One compiled mapping. It remembers recent contacts, so one reader at a time feeds it."""

    def __init__(self, document: Document, plan: Plan, privacy: Privacy, lexicon: Lexicon | None) -> None:
        self.document = document
        self.id: str = plan.id
        self.version: int = plan.version
        self.title: Text = plan.title
        self.format: Format = plan.format
        self.tests: list[dict[str, Any]] = plan.tests
        self.columns = plan.columns
        self.brings_arrival = any(name == "arrived_at" for each in plan.events for name, _ in each.fields)
        self._plan = plan
        self._privacy = privacy
        self._lexicon = lexicon
        self._contacts: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def admit(self, row: Map[str, Any]) -> list[Answer]:
        """The events of one row, valid in themselves and naming nobody; or why there are none."""
        plan = self._plan
        try:
            fields = self._fields(row)
            for holds, reason in plan.drops:
                if holds(fields):
                    return [Dropped(reason, "", self.id)]
        except RefusedError as error:
            return [error.refused]
        answers: list[Answer] = []
        for event_plan in plan.events:
            try:
                if event_plan.when is None or event_plan.when(fields):
                    answers.append(self._event(event_plan, fields))
            except RefusedError as error:
                answers.append(error.refused)
        if not answers:
            return [Dropped("no_event", "", self.id)]
        if len(answers) > 1:
            _refuse_doubles(answers)
        if plan.same_contact:
            self._link_contact(answers, fields)
        return answers

    def show(self, row: Map[str, Any]) -> str:
        """What may be looked at of a row: the columns that are read, markers for those that name people."""
        shown: dict[str, Any] = {}
        for name, kind in self.columns.items():
            if name in row:
                secret = attr_kind(name) or kind
                shown[name] = _MARKERS.get(secret, "…") if secret and row[name] else row[name]
        return msgspec.json.encode(shown).decode()

    def channel_of(self, row: Map[str, Any]) -> str:
        """The channel a row would have, as far as that can be told."""
        if self._plan.one_channel:
            return self._plan.one_channel
        try:
            return str(self._plan.channel(self._fields(row)) or "")
        except RefusedError:
            return ""

    def _fields(self, row: Map[str, Any]) -> dict[str, Any]:
        """The columns of a row that are read, and the named values made of them."""
        fields = self._plan.read(row)
        for name, get in self._plan.lets:
            fields[name] = get(fields)
        return fields

    def _event(self, plan: EventPlan, fields: dict[str, Any]) -> Event:
        values: dict[str, Any] = {"action": plan.action}
        for name, get in plan.fields:
            value = get(fields)
            if value is not None:
                values[name] = value
        if "text" in values:
            self._read_text(values)
        if plan.attrs:
            attrs = {name: value for name, get in plan.attrs if (value := get(fields)) is not None}
            values["attrs"] = self._privacy.attrs(attrs)
        if may_identify("\n".join([values[name] for name in _PLAIN if name in values])):
            for name in _PLAIN:
                if name in values:
                    values[name] = self._privacy.plain(values[name])
        for name in plan.codes:
            if name in values:
                values[name] = self._privacy.home(values[name])
        if "link" in values:
            values["link"]["to"] = self._privacy.plain(values["link"]["to"])
        try:
            return msgspec.convert(values, Event)
        except msgspec.ValidationError as error:
            raise refuse(error, values) from None

    def _read_text(self, values: dict[str, Any]) -> None:
        text = values["text"]
        if self._lexicon is not None and self._plan.lexicon:
            reading = self._lexicon.read(text)
            if reading.violence is not None:
                values.setdefault("violence", reading.violence)
            if reading.cues:
                values.setdefault("cues", reading.cues)
        text = scrub(text)
        values["text"] = text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + "…"

    def _link_contact(self, answers: list[Answer], fields: dict[str, Any]) -> None:
        """Rows of one contact: the first is the contact, the others are duplicates of it."""
        contact = tuple(str(get(fields) or "") for get in self._plan.same_contact)
        if not all(contact):
            return
        for position, event in enumerate(answers):
            if not isinstance(event, Event) or event.action != "received":
                continue
            first = self._contacts.setdefault(contact, event.id)
            self._contacts.move_to_end(contact)
            if first != event.id and event.link is None:
                answers[position] = replace(event, link=Link("duplicate", first))
        while len(self._contacts) > CONTACTS_KEPT:
            self._contacts.popitem(last=False)


def _refuse_doubles(answers: list[Answer]) -> None:
    """Two events of one row with one id would be one event to everything behind the door."""
    ids: set[str] = set()
    for position, event in enumerate(answers):
        if isinstance(event, Event):
            if event.id in ids:
                sentence = f"events of one row must have ids of their own; got {show(event.id)} again"
                answers[position] = Refused("duplicate_id", sentence)
            ids.add(event.id)


def compile_mapping(
    document: Document,
    *,
    channels: dict[str, Channel],
    keyring: Keyring,
    lexicon: Lexicon | None = None,
    tables: Tables | None = None,
) -> Mapping:
    """Check a mapping file and compile it; raises a sentence with file and line where it is wrong."""
    plan = compile_plan(document, channels=channels, keyring=keyring, tables=tables or load_tables())
    return Mapping(document, plan, Privacy(keyring), lexicon)


def load_mapping(
    path: Path | str,
    *,
    channels: dict[str, Channel],
    keyring: Keyring,
    lexicon: Lexicon | None = None,
    tables: Tables | None = None,
) -> Mapping:
    """Read one mapping file."""
    return compile_mapping(load(path), channels=channels, keyring=keyring, lexicon=lexicon, tables=tables)


def load_mappings(
    folder: Path | str = MAPPINGS_FOLDER,
    *,
    channels: dict[str, Channel],
    keyring: Keyring,
    lexicon: Lexicon | None = None,
    tables: Tables | None = None,
) -> dict[str, Mapping]:
    """All mapping files of a folder by id; an id must come once."""
    tables = tables or load_tables()
    mappings: dict[str, Mapping] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        mapping = load_mapping(path, channels=channels, keyring=keyring, lexicon=lexicon, tables=tables)
        if mapping.id in mappings:
            raise mapping.document.refuse(f"`id` must be the only one; got `{mapping.id}` again", ("id",))
        mappings[mapping.id] = mapping
    return mappings
