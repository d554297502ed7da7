"""The HTTP way in, against fakes of the door and of the queue behind it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from alerts.model import DeadLetter, Event
from connectors.http import Admitted, BusyError, app, parse_tokens
from connectors.http_description import OPENAPI

PAGE = (Path(__file__).parents[2] / "docs" / "ways-in.md").read_text(encoding="utf-8")
TOKEN = "s3cret-of-the-platform"
TOKENS = {"platform": hashlib.sha256(TOKEN.encode()).hexdigest()}
PHONE = "13812345678"
AT = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Dropped:
    """What a mapping leaves out."""


def admit(raw: bytes, mapping: str, source: str) -> Sequence[object]:
    """A door that knows JSON, an id and nothing else; its sentences are as careless as can be."""
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        return [_letter(source, "bad_json", f"row must be JSON; got `{raw[:40]!r}`")]
    if row.get("kind") == "test":
        return [Dropped()]
    if "id" not in row:
        return [_letter(source, "missing_field", f"event must have `id`; got {PHONE} at `$.id`")]
    return [Event(id=row["id"], channel=mapping or "online", action="received", occurred_at=AT)]


def _letter(source: str, reason: Any, sentence: str) -> DeadLetter:
    return DeadLetter(id=source, source=source, reason=reason, sentence=sentence, failed_at=AT)


class Client:
    """An application with its queue, spoken to without a server."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[Admitted] = []
        self.full = False
        self.app = app(admit, self._take, tokens=TOKENS, **options)

    def _take(self, admitted: Sequence[Admitted]) -> None:
        if self.full:
            raise BusyError(2.5)
        self.sent += admitted

    def post(
        self,
        body: Any,
        path: str = "/v1/events",
        token: str = TOKEN,
        kind: str = "application/json",
        **headers: str,
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) or hasattr(body, "__aiter__") else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {token}", "content-type": kind} | headers
        return self.ask("POST", path, content=content, headers=sent)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def talk() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://anlan") as client:
                return await client.request(method, path, **more)

        return asyncio.run(talk())

    @property
    def ids(self) -> list[str]:
        return [one.id for item in self.sent for one in item.results if isinstance(one, Event)]


def test_one_object_is_taken() -> None:
    client = Client()

    answer = client.post({"id": "online/1/received/1"})

    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "rejected": 0,
        "dropped": 0,
        "duplicate": False,
        "items": [{"at": "body", "status": "accepted", "ids": ["online/1/received/1"]}],
    }
    assert client.ids == ["online/1/received/1"]


def test_an_array_is_taken_member_by_member() -> None:
    client = Client()

    answer = client.post([{"id": "a"}, {"kind": "test"}, {"id": "b"}])

    assert [(one["at"], one["status"]) for one in answer.json()["items"]] == [
        ("item 0", "accepted"),
        ("item 1", "dropped"),
        ("item 2", "accepted"),
    ]
    assert client.ids == ["a", "b"]


def test_broken_json_in_the_middle_of_lines_costs_only_its_line() -> None:
    client = Client()
    body = b'{"id":"a"}\n{"id":"b", "phone":"' + PHONE.encode() + b'\n\n{"id":"c"}\n'

    answer = client.post(body, kind="application/x-ndjson")

    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["rejected"]) == (2, 1)
    assert [(one["at"], one.get("reason")) for one in told["items"]] == [
        ("line 1", None),
        ("line 2", "bad_json"),
        ("line 4", None),
    ]
    assert client.ids == ["a", "c"]
    assert len(client.sent) == 3, "the dead letter goes on as well"


@pytest.mark.parametrize("body", [b'[{"id":"a"},{"id":', b'[{"id":' + b"[" * 5_000], ids=["breaks off", "deep"])
def test_an_array_that_cannot_be_split_is_one_unreadable_body(body: bytes) -> None:
    client = Client()

    answer = client.post(body)

    assert answer.status_code == 400
    assert answer.json()["items"][0]["reason"] == "bad_json"
    assert not client.ids


def test_rows_that_can_be_read_but_not_used_are_422_with_the_field() -> None:
    client = Client()

    answer = client.post([{"phone": PHONE}, {"phone": PHONE}])

    assert answer.status_code == 422
    assert answer.json()["items"][1] == {
        "at": "item 1",
        "status": "rejected",
        "reason": "missing_field",
        "message": "event must have `id`",
        "field": "$.id",
    }


@pytest.mark.parametrize(
    "body",
    [[{"phone": PHONE}], {"phone": PHONE}, b'{"phone": "' + PHONE.encode()],
    ids=["array", "object", "broken"],
)
def test_an_answer_never_says_back_what_was_refused(body: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer = Client().post(body)

    assert PHONE not in answer.text
    assert PHONE not in caplog.text


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKENS['platform']}"],
    ids=["none", "empty", "no token", "wrong", "another scheme", "the digest itself"],
)
def test_without_a_known_token_nothing_is_read(authorization: str | None) -> None:
    client = Client()
    headers = {} if authorization is None else {"authorization": authorization}

    answer = client.ask("POST", "/v1/events", content=b"{}", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "must be `Bearer <token>`" in answer.json()["error"]
    assert not client.sent


def test_a_body_of_ten_megabytes_is_refused_by_its_declared_length() -> None:
    client = Client()

    answer = client.post(b"[" + b" " * 10_000_000 + b"]")

    assert answer.status_code == 413
    assert "at most 8388608 bytes" in answer.json()["error"]


def test_a_stream_that_grows_too_long_is_given_up_before_its_end() -> None:
    client = Client(max_bytes=1000)
    read: list[int] = []

    async def grows() -> Any:
        for number in range(100):
            read.append(number)
            yield b" " * 300

    answer = client.post(grows())

    assert answer.status_code == 413
    assert len(read) < 10
    assert not client.sent


def test_a_body_that_never_ends_does_not_keep_its_place() -> None:
    client = Client(max_waiting=1, read_seconds=0)

    async def dawdles() -> Any:
        yield b"["
        await asyncio.Event().wait()

    assert client.post(dawdles()).status_code == 408
    assert client.post(dawdles()).status_code == 408, "not 429: the place is free again"


def test_ten_megabytes_of_good_lines_go_through_where_the_limit_allows_it() -> None:
    client = Client(max_bytes=16_000_000)
    line = b'{"id":"%d","text":"' + b"x" * 10_000 + b'"}\n'
    body = b"".join(line.replace(b"%d", str(number).encode()) for number in range(1000))

    answer = client.post(body, kind="application/x-ndjson")

    assert len(body) > 10_000_000
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1000


@pytest.mark.parametrize(
    ("kind", "headers"),
    [("text/csv", {}), ("", {}), ("application/json", {"content-encoding": "gzip"})],
    ids=["csv", "none", "compressed"],
)
def test_another_type_of_body_is_refused(kind: str, headers: dict[str, str]) -> None:
    answer = Client().post(b"{}", kind=kind, **headers)

    assert answer.status_code == 415
    assert "`application/json`" in answer.json()["error"]


def test_an_empty_body_is_refused() -> None:
    answer = Client().post(b"  \n ", kind="application/x-ndjson")

    assert answer.status_code == 400
    assert answer.json()["error"] == "body must have at least one row; got none"


def test_rows_go_to_their_mapping() -> None:
    client = Client(mappings=lambda name: name == "grid-app")

    taken = client.post({"id": "g1"}, path="/v1/rows/grid-app")
    unknown = client.post({"id": "g1"}, path="/v1/rows/13812345678")

    assert taken.status_code == 202
    assert client.sent[0].results[0].channel == "grid-app"  # type: ignore[attr-defined]
    assert unknown.status_code == 404
    assert PHONE not in unknown.text


def test_a_full_queue_asks_to_come_again() -> None:
    client = Client()
    client.full = True

    busy = client.post({"id": "a"}, **{"idempotency-key": "k1"})
    client.full = False
    again = client.post({"id": "a"}, **{"idempotency-key": "k1"})

    assert busy.status_code == 503
    assert busy.headers["retry-after"] == "3"
    assert again.status_code == 202
    assert again.json()["duplicate"] is False, "what was not taken is not remembered"


def test_too_many_at_once_are_asked_to_wait() -> None:
    client = Client(max_waiting=0)

    answer = client.post({"id": "a"})

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"


def test_the_same_ids_again_are_taken_and_called_duplicates() -> None:
    client = Client()

    client.post([{"id": "a"}, {"id": "b"}])
    mixed = client.post([{"id": "b"}, {"id": "c"}])
    same = client.post([{"id": "a"}, {"id": "c"}])

    assert mixed.json()["duplicate"] is False
    assert mixed.json()["items"][0]["duplicate"] is True
    assert same.status_code == 202
    assert same.json()["duplicate"] is True
    assert len(client.ids) == 6, "the log drops what came twice; the door sends it, so that nothing is lost"


def test_ids_are_forgotten_after_as_many_others() -> None:
    client = Client(remember=2)

    client.post([{"id": "a"}, {"id": "b"}, {"id": "c"}])

    assert client.post({"id": "a"}).json()["duplicate"] is False
    assert client.post({"id": "c"}).json()["duplicate"] is True


def test_an_idempotency_key_gives_the_same_answer_and_sends_nothing() -> None:
    client = Client()

    first = client.post([{"id": "a"}, {}], **{"idempotency-key": "k1"})
    second = client.post([{"id": "a"}, {}], **{"idempotency-key": "k1"})

    assert second.status_code == first.status_code == 202
    assert second.json() == first.json() | {"duplicate": True}
    assert client.ids == ["a"]


def test_an_idempotency_key_stands_for_one_body() -> None:
    client = Client()
    client.post({"id": "a"}, **{"idempotency-key": "k1"})

    other = client.post({"id": "b"}, **{"idempotency-key": "k1"})
    too_long = client.post({"id": "b"}, **{"idempotency-key": "k" * 201})

    assert other.status_code == 422
    assert "must stand for one body" in other.json()["error"]
    assert too_long.status_code == 400
    assert client.ids == ["a"]


def test_the_same_row_has_the_same_source_and_the_source_gives_nothing_away() -> None:
    client = Client()

    client.post({"id": "a"})
    client.post([{"id": "b"}])
    client.post(b'{"id": "a"}')

    first, other, same = (item.source for item in client.sent)
    assert first == same != other
    assert first.startswith("http:platform/")


def test_health_needs_no_token_and_tells_the_truth() -> None:
    assert Client().ask("GET", "/health").json() == {"status": "ok"}
    assert Client(is_healthy=lambda: False).ask("GET", "/health").status_code == 503


def test_the_description_names_every_path_and_every_refusal() -> None:
    told = Client().ask("GET", "/openapi.json").json()

    assert set(told["paths"]) == {"/v1/events", "/v1/rows/{mapping}", "/health"}
    responses = told["paths"]["/v1/events"]["post"]["responses"]
    assert set(responses) == {"202", "400", "401", "404", "408", "413", "415", "422", "429", "503"}


def test_the_first_example_of_the_page_gives_the_answer_that_the_page_shows() -> None:
    sent = re.search(r"-d '(\{\"id\".*?\})'", PAGE, re.DOTALL)
    shown = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)

    assert sent
    assert shown
    assert Client().post(sent[1].encode()).json() == json.loads(shown[1])
    assert msgspec.json.decode(sent[1], type=Event).reporter == "13800001111"


def test_the_page_names_every_answer() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)

    assert {status for row in rows for status in row.split(", ")} == set(
        OPENAPI["paths"]["/v1/events"]["post"]["responses"]
    )


def test_tokens_are_read_from_a_setting() -> None:
    digest = "AB" * 32

    assert parse_tokens(f"police = {digest}, grid={'0' * 64},") == {"police": "ab" * 32, "grid": "0" * 64}
    assert parse_tokens("") == {}


@pytest.mark.parametrize("setting", ["abc", f"={'0' * 64}", "police=not-a-digest"])
def test_a_token_that_is_not_a_digest_is_refused_without_saying_it(setting: str) -> None:
    with pytest.raises(ValueError, match=r"token must be `client=<64 hex digits>`") as refusal:
        parse_tokens(setting)

    assert "not-a-digest" not in str(refusal.value)


def test_a_door_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="http must have at least one token; got none"):
        app(admit, lambda _: None, tokens={})
