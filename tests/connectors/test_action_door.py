"""The door for actions: what is no action is refused with a sentence, and nobody's number passes."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest

from connectors.action_door import admit_action
from connectors.deadletter import RefusedError
from connectors.privacy import Privacy
from connectors.pseudonym import Key, Keyring

ACTION: dict[str, Any] = {
    "action_id": "a1", "action": "note", "actor": "li", "role": "duty", "acted_at": "2026-03-02T09:00:00+08:00",
    "alert_id": "x", "why": "words",
}  # fmt: skip


@pytest.fixture(scope="module")
def privacy() -> Privacy:
    return Privacy(Keyring([Key("k1", bytes(range(32)))]))


def test_raw_identifiers_do_not_pass(privacy: Privacy) -> None:
    wanted = {"matchers": {"key": {"reporter": "13812345678"}}}
    action = admit_action(
        msgspec.json.encode(
            {**ACTION, "why": "手机13812345678", "assigned_to": "13812345678", "action": "silence", "silence": wanted}
        ),
        privacy,
    )

    assert b"13812345678" not in msgspec.json.encode(action)
    assert action.why == "手机[手机]"
    assert action.silence is not None
    assert action.silence.matchers.key["reporter"] == privacy.keyring.token("phone", "13812345678")


@pytest.mark.parametrize("name", ["alert_id", "of", "token", "action_id", "actor", "matter", "into", "why", "refused"])
def test_no_word_of_an_action_is_a_number_of_a_person(name: str, privacy: Privacy) -> None:
    raw = msgspec.json.encode({**ACTION, name: "13812345678"})

    assert b"13812345678" not in msgspec.json.encode(admit_action(raw, privacy))


def test_neither_what_a_silence_names_nor_the_events_of_a_split_are(privacy: Privacy) -> None:
    matchers = {"alert_id": "13812345678", "rule": "13812345678", "key": {"13812345678": "x"}}
    raw = {**ACTION, "silence": {"matchers": matchers}, "events": ["13812345678"]}

    assert b"13812345678" not in msgspec.json.encode(admit_action(msgspec.json.encode(raw), privacy))


def test_the_id_of_an_alert_stays_as_it_is(privacy: Privacy) -> None:
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(20_000)]

    assert [admit_action(msgspec.json.encode({**ACTION, "alert_id": each}), privacy).alert_id for each in ids] == ids


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"action": "dance"}, "action must be an `alert-action/1`; got Invalid enum value 'dance'"),
        ({"actor": ""}, "Expected `str` of length >= 1"),
        ({"acted_at": "2026-03-02T09:00:00"}, "Expected `datetime` with a timezone component"),
        ({"action": "ask_visit"}, "`action` must be one that people take; got `ask_visit`"),
        ({"why": "x" * 30_000}, "action must be at most 20000 bytes"),
    ],
    ids=["action", "actor", "time", "the desk's own", "size"],
)
def test_what_is_no_action_is_refused(changes: dict[str, Any], sentence: str, privacy: Privacy) -> None:
    with pytest.raises(RefusedError, match=sentence):
        admit_action(msgspec.json.encode({**ACTION, **changes}), privacy)


@pytest.mark.parametrize("value", [b"{", b"\xff\xfe", b"[]", b""])
def test_what_is_no_json_object_is_refused(value: bytes, privacy: Privacy) -> None:
    with pytest.raises(RefusedError, match="action must be"):
        admit_action(value, privacy)
