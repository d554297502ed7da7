"""A small installation for tests: keys, one mapping of its own, settings, and what its topics hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from connectors.kafka import RawRecord, ends, ensure_topics, read_all
from connectors.registry import load_channels
from dataflows.cli.keys import make_keys
from dataflows.outbox import outbox_topics
from dataflows.settings import Settings

PHONE = "13812345678"

# heard words would show: this mapping does not hear them, the door of Event v1 does
MAPPING = """
apiVersion: mappings/v1
id: desk
version: 2
title: {zh: 台账, en: Desk}
format: {type: csv}
zone: Asia/Shanghai
channel: hotline
drop:
  - {reason: test-row, when: {what: {contains: [测试]}}}
pseudonymise: {reporter: phone}
fields:
  id: {template: "desk/{no}"}
  occurred_at: at
  reporter: phone
  text: what
  category: kind
tests:
  - name: a row is an event, and a test is dropped
    rows:
      - {no: "1", at: "2026-03-02 09:00:00", phone: "13812345678", what: 他说要杀了我, kind: service}
      - {no: "2", at: "2026-03-02 09:00:00", phone: "", what: 测试, kind: service}
    expect:
      - {id: desk/1, channel: hotline, violence: null}
      - {dropped: test-row}
"""


class Installation:
    """Keys, a folder of mappings and settings under one folder."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        keyring, private, _ = make_keys(folder / "keys")
        self.mappings = folder / "mappings"
        self.mappings.mkdir()
        self.mapping = self.mappings / "desk.yaml"
        self.mapping.write_text(MAPPING, encoding="utf-8")
        self.settings = Settings(keyring=str(keyring), seal_key=str(private), mappings=(str(self.mappings),), **changes)

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, for the command line."""
        names = ("kafka", "clickhouse", "keyring", "seal_key")
        told = {f"ANLAN_{name.upper()}": getattr(self.settings, name) for name in names}
        return told | {"ANLAN_MAPPINGS": str(self.mappings)}


def row(number: int, what: str = "没水了", **changes: str) -> dict[str, str]:
    """One raw row as the mapping of the installation reads it."""
    fields = {"no": str(number), "at": "2026-03-02 09:00:00", "phone": PHONE, "what": what, "kind": "service"}
    return fields | changes


def csv_file(path: Path, rows: Iterable[dict[str, str]]) -> Path:
    """A file of raw rows."""
    lines = [",".join(each.values()) for each in rows]
    path.write_text("\n".join([",".join(row(0)), *lines, ""]), encoding="utf-8")
    return path


class Topics:
    """What comes into some topics from now on; the broker is shared, so what was there before is not looked at."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        made = ensure_topics(bootstrap, outbox_topics(load_channels()))
        places = [(topic, partition) for topic, count in made.items() for partition in range(count)]
        self._starts = {place: end for place, (end, _) in ends(bootstrap, places).items()}

    def records(self, topic: str) -> list[RawRecord]:
        """The new records of a topic."""
        starts = {place: start for place, start in self._starts.items() if place[0] == topic}
        return list(read_all(self._bootstrap, starts))

    def ids(self, topic: str) -> list[str]:
        """The ids of the new events or dead letters of a topic."""
        return [msgspec.json.decode(record.value)["id"] for record in self.records(topic)]
