"""The HTTP server beside the flow, against a real broker."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from installation import PHONE, Installation, Topics, row

from alerts.model import DeadLetter
from connectors.door import Door
from connectors.kafka import DEAD_LETTERS, raw_topic
from connectors.lexicon import load_lexicon
from connectors.metrics import Metrics
from connectors.pseudonym import load_keyring
from connectors.registry import load_channels
from connectors.seal import load_unsealer
from dataflows import push
from dataflows.admission import Admission
from dataflows.installation import all_mappings, clock_of
from dataflows.outbox import LARGEST_EVENT
from dataflows.push import push_server
from dataflows.settings import Settings, SettingsError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

TOKEN = "t0ken"
TOKENS = f"desk={hashlib.sha256(TOKEN.encode()).hexdigest()}"
LINES = "application/x-ndjson"


def settings_of(folder: Path, bootstrap: str, **changes: Any) -> Settings:
    # the topic has a mapping of its own, and what the door admitted is an event all the same
    return Installation(
        folder, kafka=bootstrap, http_tokens=TOKENS, raw_mappings={"raw.hotline": "desk"}, **changes
    ).settings


@pytest.fixture
def settings(tmp_path: Path, bootstrap: str) -> Settings:
    return settings_of(tmp_path, bootstrap)


@pytest.fixture
def topics(bootstrap: str) -> Topics:
    return Topics(bootstrap)


@pytest.fixture
def port(settings: Settings, topics: Topics) -> Iterator[int]:
    with push_server(settings) as port:
        yield port


def post(port: int, body: Any, path: str = "/v1/events", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    told = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"} | headers
    return httpx.post(f"http://127.0.0.1:{port}{path}", content=content, headers=told, timeout=30)


def event(name: str, **fields: Any) -> dict[str, Any]:
    at = "2026-03-02T09:00:00+08:00"
    return {"id": name, "channel": "hotline", "action": "received", "occurred_at": at} | fields


def admission(settings: Settings) -> Admission:
    """The door of the flow that reads the topics."""
    channels, keyring = load_channels(), load_keyring(settings.keyring)
    mappings = all_mappings(settings, channels, keyring)
    door = Door(channels, keyring, None, load_lexicon())
    return Admission(door, mappings, clock_of(settings), Metrics(), topic_mappings=settings.raw_mappings)


def test_what_is_answered_is_with_the_broker_and_comes_out_the_same(
    port: int, topics: Topics, settings: Settings
) -> None:
    pushed = post(port, event("a", reporter=PHONE, text=f"电话{PHONE}，他要杀了我", case=f"GD-{PHONE}"))
    rows = b"\n".join(map(msgspec.json.encode, (row(1), row(2, f"他要杀了我，电话{PHONE}"))))
    mapped = post(port, rows, "/v1/rows/desk", **{"content-type": LINES})

    records = topics.records(raw_topic("hotline"))
    arrivals, dead, _ = admission(settings).take_records(records)

    assert (pushed.status_code, mapped.status_code) == (202, 202)
    assert [a.event.id for a in arrivals] == ["a", "desk/1", "desk/2"]
    assert [msgspec.json.encode(a.event) for a in arrivals] == [record.value for record in records]
    assert [a.event.cues for a in arrivals] == [("kill_threat",), (), ()], "each as the first door heard it"
    assert len({a.event.reporter for a in arrivals}) == 1, "a token of one keyring"
    assert all(a.produced_us for a in arrivals)
    assert PHONE.encode() not in b"".join(record.value for record in records)
    assert not dead


def test_a_refused_row_is_a_dead_letter_whose_row_only_the_intake_opens(
    port: int, topics: Topics, settings: Settings
) -> None:
    answer = post(port, [event("a"), event("b", channel="fax", reporter=PHONE)])

    letters = [record.value for record in topics.records(DEAD_LETTERS)]
    letter = msgspec.json.decode(letters[0], type=DeadLetter)
    assert answer.json()["rejected"] == len(letters) == 1
    assert (letter.reason, letter.source[:10]) == ("unknown_channel", "http:desk/")
    assert PHONE.encode() not in letters[0]
    opened = load_unsealer(settings.seal_key).unseal(letter.sealed)
    assert msgspec.json.decode(opened)["reporter"] == PHONE


def test_a_mapping_is_known_or_the_answer_is_404_and_a_token_or_401(port: int) -> None:
    assert post(port, row(1), "/v1/rows/tresen").status_code == 404
    assert post(port, event("a"), authorization="Bearer other").status_code == 401
    assert httpx.get(f"http://127.0.0.1:{port}/health").json() == {"status": "ok"}


def test_what_a_mapping_drops_is_in_the_books(settings: Settings, topics: Topics) -> None:
    metrics = Metrics()
    with push_server(settings, metrics) as port:
        answer = post(port, [row(1, "测试"), row(2)], "/v1/rows/desk")

    assert answer.json()["dropped"] == 1
    assert metrics.value("anlan_events_dropped_total", channel="hotline", reason="test-row") == 1
    assert metrics.value("anlan_events_received_total", channel="hotline") == 1, "the other when it is read"


def test_an_event_that_no_raw_topic_takes_is_a_dead_letter(port: int, topics: Topics) -> None:
    answer = post(port, [event("a"), event("b", attrs={"log": "x" * LARGEST_EVENT})])

    assert [item.get("reason") for item in answer.json()["items"]] == [None, "too_large"]
    assert topics.ids(raw_topic("hotline")) == ["a"]
    assert len(topics.ids(DEAD_LETTERS)) == 1


def test_while_the_broker_is_away_the_client_is_asked_to_wait_and_then_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bootstrap: str
) -> None:
    monkeypatch.setattr(push, "BROKER_SECONDS", 0.5)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings = settings_of(tmp_path, f"127.0.0.1:{nobody.getsockname()[1]}")
        started = time.monotonic()
        with push_server(settings) as port:
            health = httpx.get(f"http://127.0.0.1:{port}/health")
            answers = [post(port, event("a")) for _ in range(2)]
        took = time.monotonic() - started

    assert [(a.status_code, a.headers["retry-after"]) for a in answers] == [(503, "5")] * 2
    assert (health.status_code, health.json()) == (503, {"status": "unhealthy"})
    assert took < 10, "the server ends while the broker is away"


def test_after_the_block_nobody_listens(settings: Settings, topics: Topics) -> None:
    with push_server(settings) as port:
        assert post(port, event("a")).status_code == 202

    with pytest.raises(httpx.ConnectError):
        post(port, event("b"))
    with push_server(msgspec.structs.replace(settings, http_port=port)) as again:
        assert again == port
        assert post(port, event("c")).status_code == 202


def test_a_port_in_use_is_told_at_the_start(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        used = taken.getsockname()[1]
        with (
            pytest.raises(SettingsError, match=rf"must be free to listen on; got `.*` \(127.0.0.1, port {used}\)"),
            push_server(msgspec.structs.replace(settings, http_port=used)),
        ):
            raise AssertionError("must not start")


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [("", "`http_tokens` must be set; got nothing"), ("desk=short", "token must be `client=<64 hex digits>`")],
    ids=["none", "no digest"],
)
def test_without_tokens_it_does_not_start(settings: Settings, tokens: str, sentence: str) -> None:
    wrong = msgspec.structs.replace(settings, http_tokens=tokens)

    with pytest.raises(ValueError, match=sentence), push_server(wrong):
        raise AssertionError("must not start")
