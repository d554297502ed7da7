"""What people type into an action, before it goes to any topic: no number of a person leaves the service."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from alerts.model import Silencing
from connectors.identifiers import find_identifiers
from connectors.scrub import scrub
from dataflows.api.problem import RefusedError

CHOSEN = {  # by whoever asks, who may choose another word
    "action_id": "a random word",
    "assigned_to": "a role, a unit or an account",
    "token": "the pseudonym that stands in the key of the alert",
}
_OURS = ("alert_id", "of")
_OF_OTHERS = ("matter", "into")
_ID = re.compile(r"[A-Za-z0-9:._-]{1,200}")


def safe_words(values: dict[str, Any]) -> dict[str, Any]:
    """The values of an action as they may be written. Raises a refusal where another word has to be chosen."""
    for name, instead in CHOSEN.items():
        _must_name_nobody(name, values.get(name, ""), instead)
    if (silencing := values.get("silence")) is not None:
        _must_be_pseudonyms(silencing)
    safe: dict[str, Any] = {name: _safe_id(values[name]) for name in _OURS if name in values}
    safe |= {name: _safe_case(values[name]) for name in _OF_OTHERS if name in values}
    if "events" in values:
        safe["events"] = tuple(map(_safe_case, values["events"]))
    return {**values, **safe, "why": scrub(values.get("why", ""))}


def _must_be_pseudonyms(silencing: Silencing) -> None:
    matchers = silencing.matchers
    for word in (matchers.alert_id, matchers.rule, *matchers.key, *matchers.key.values()):
        _must_name_nobody("matchers", word, CHOSEN["token"])


def _must_name_nobody(name: str, word: str, instead: str) -> None:
    if find_identifiers(word):
        sentence = f"`{name}` must not hold what names a person; got a number like that; use {instead}"
        raise RefusedError(HTTPStatus.BAD_REQUEST, sentence)


def _safe_id(word: str) -> str:
    """An id of ours; a scrubber of sentences would see numbers in some of them that are none."""
    return _safe_case(word) if _ID.fullmatch(word) else scrub(word)


def _safe_case(word: str) -> str:
    """An id of others, which may look like anything, as the door of events takes it."""
    return scrub(word) if find_identifiers(word) else word
