"""All contracts as files: made from the code, kept beside it, and held equal by a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.contracts.asyncapi import asyncapi
from connectors.contracts.json_schema import CONTRACTS, json_schema

DOCUMENTS = Path(__file__).with_name("documents")
RELEASED = Path(__file__).with_name("released")
FEEDS = "asyncapi.json"


def documents() -> dict[str, dict[str, Any]]:
    """Every document by the name of its file, as the code says it now."""
    return {**{each.file: json_schema(each) for each in CONTRACTS}, FEEDS: asyncapi()}


def text_of(document: Mapping[str, Any]) -> str:
    """A document as it stands in its file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write(folder: Path) -> list[Path]:
    """Write every document into a folder; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, document in documents().items():
        paths.append(folder / name)
        paths[-1].write_text(text_of(document), encoding="utf-8")
    return paths
