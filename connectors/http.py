"""The HTTP way in: platforms and counters push events or raw rows, and hear at once what became of each.

This is the only file that knows Starlette. Nothing that was refused is said back raw: an answer names
the place, the field and the reason, never the value.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.model import DeadLetter, Event
from connectors.event_json import UNREADABLE
from connectors.http_description import JSON, LINES, MAX_KEY, OPENAPI
from connectors.scrub import scrub

T = TypeVar("T")

EVENTS = ""  # the mapping of rows that are Event v1 already
MAX_BYTES = 8 * 1024 * 1024

_log = logging.getLogger("anlan.http")
_HEX = re.compile(r"[0-9a-f]{64}")
_FIELD = re.compile(r"`(\$[^`]*)`")
_encode = msgspec.json.Encoder().encode
_read_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Admit(Protocol):
    """Turns one row into events, dead letters and what a mapping drops. `mapping` is "" for Event v1."""

    def __call__(self, raw: bytes, mapping: str, source: str) -> Sequence[object]: ...


class Admitted(Struct, frozen=True):
    """What one row became, and where it stood: what is sent to the queue behind the door."""

    source: str
    results: tuple[object, ...]


class BusyError(Exception):
    """The queue behind the door is full; the client is asked to come again after a while."""

    def __init__(self, retry_after_seconds: float = 1.0) -> None:
        super().__init__(f"queue must have room; got none; try again in {retry_after_seconds:g} s")
        self.retry_after_seconds = retry_after_seconds


class _RefusalError(Exception):
    def __init__(self, status: HTTPStatus, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _Answer(Struct, frozen=True):
    status: int
    body: dict[str, Any]
    request_hash: bytes = b""


def parse_tokens(setting: str) -> dict[str, str]:
    """Read `client=<SHA-256 of its token, hex>,…` as it stands in the settings."""
    tokens: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in setting.split(","))):
        client, _, digest = part.partition("=")
        if not client.strip() or not _HEX.fullmatch(digest.strip().lower()):
            raise ValueError(
                f"token must be `client=<64 hex digits>`; got something else (entry {len(tokens) + 1}); "
                "use the SHA-256 of the token"
            )
        tokens[client.strip()] = digest.strip().lower()
    return tokens


def app(
    admit: Admit,
    send: Callable[[Sequence[Admitted]], None],
    *,
    tokens: Mapping[str, str],
    mappings: Callable[[str], bool] = lambda _: True,
    is_healthy: Callable[[], bool] = lambda: True,
    max_bytes: int = MAX_BYTES,
    max_waiting: int = 16,
    read_seconds: float = 60.0,
    remember: int = 100_000,
) -> Starlette:
    """The HTTP application; a server is started elsewhere.

    `tokens` are SHA-256 digests by client name. `admit` is called for one row after the other, never twice
    at once, in a thread. `send` gets everything of one request together: it takes it or raises `BusyError`.
    `is_healthy`, asked in a thread as well, says whether it would take something now.
    """
    if not tokens:
        raise ValueError("http must have at least one token; got none; see `parse_tokens`")
    door = _Door(admit, send, tokens, mappings, max_bytes, max_waiting, read_seconds, remember)

    async def health(_: Request) -> Response:
        healthy = await run_in_threadpool(is_healthy)
        return _json(200 if healthy else 503, {"status": "ok" if healthy else "unhealthy"})

    async def description(_: Request) -> Response:
        return _json(200, OPENAPI)

    return Starlette(
        routes=[
            Route("/v1/events", door.take, methods=["POST"]),
            Route("/v1/rows/{mapping}", door.take, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
            Route("/openapi.json", description, methods=["GET"]),
        ]
    )


class _Door:
    """Takes one request after the other: who is it, what is it, is it known, what became of it."""

    def __init__(
        self,
        admit: Admit,
        send: Callable[[Sequence[Admitted]], None],
        tokens: Mapping[str, str],
        mappings: Callable[[str], bool],
        max_bytes: int,
        max_waiting: int,
        read_seconds: float,
        remember: int,
    ) -> None:
        self._admit, self._send, self._mappings = admit, send, mappings
        self._tokens = {client: digest.lower().encode() for client, digest in tokens.items()}
        self._max_bytes, self._max_waiting = max_bytes, max_waiting
        self._read_seconds = read_seconds
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._seen_ids: _Recent[bool] = _Recent(remember)
        self._answers: _Recent[_Answer] = _Recent(max(1, remember // 100))

    async def take(self, request: Request) -> Response:
        """Answer one push."""
        client = ""
        try:
            client, token = self._client(request)
            answer = await self._in_turn(request, client, token)
        except _RefusalError as refusal:
            _log.warning("push_refused status=%d client=%s", refusal.status, client or "unknown")
            return _json(refusal.status, {"error": str(refusal)}, refusal.headers)
        except ClientDisconnect:
            return _json(HTTPStatus.BAD_REQUEST, {"error": "body must come whole; got a part of it"})
        return _json(answer.status, answer.body)

    def _client(self, request: Request) -> tuple[str, str]:
        """Who sends. Every digest is compared, so that the time taken says nothing."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = hashlib.sha256(token.strip().encode()).hexdigest().encode()
        known = [name for name, digest in self._tokens.items() if hmac.compare_digest(given, digest)]
        if scheme.lower() != "bearer" or not known:
            raise _RefusalError(
                HTTPStatus.UNAUTHORIZED,
                "`Authorization` must be `Bearer <token>` with a known token; got another or none",
                WWW_Authenticate="Bearer",
            )
        return known[0], token.strip()

    async def _in_turn(self, request: Request, client: str, token: str) -> _Answer:
        mapping = request.path_params.get("mapping", EVENTS)
        if mapping and not self._mappings(mapping):
            raise _RefusalError(HTTPStatus.NOT_FOUND, "mapping must be a known one; got another (path)")
        lines = _is_lines(request)
        key = _idempotency_key(request)
        if self._waiting >= self._max_waiting:
            raise _RefusalError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"requests at once must be at most {self._max_waiting}; got one more; try again",
                Retry_After="1",
            )
        self._waiting += 1
        try:
            body = await self._read_in_time(request)
            async with self._turn:
                return await self._once(body, lines, mapping, client, token, key)
        finally:
            self._waiting -= 1

    async def _read_in_time(self, request: Request) -> bytes:
        """The body; a client that dawdles does not keep its place."""
        try:
            async with asyncio.timeout(self._read_seconds):
                return await self._read(request)
        except TimeoutError:
            raise _RefusalError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"body must come within {self._read_seconds:g} s; got a part of it; send it again",
                Connection="close",
            ) from None

    async def _read(self, request: Request) -> bytes:
        """The body, given up as soon as it is known to be too long."""
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._max_bytes:
                raise self._too_large()
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> _RefusalError:
        return _RefusalError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"body must have at most {self._max_bytes} bytes; got more; send it in parts",
            Connection="close",
        )

    async def _once(self, body: bytes, lines: bool, mapping: str, client: str, token: str, key: str) -> _Answer:
        """The answer to a body; for a key that was answered before, that answer again."""
        place = f"{client}\n{mapping}\n{key}"
        request_hash = hashlib.sha256(body).digest()
        before = self._answers.get(place) if key else None
        if before and not hmac.compare_digest(before.request_hash, request_hash):
            raise _RefusalError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "`Idempotency-Key` must stand for one body; got it again with another; use a new key",
            )
        if before:
            return _Answer(before.status, before.body | {"duplicate": True})
        answer = await run_in_threadpool(self._work, body, lines, mapping, client, token)
        if key:
            self._answers.put(place, _Answer(answer.status, answer.body, request_hash))
        return answer

    def _work(self, body: bytes, lines: bool, mapping: str, client: str, token: str) -> _Answer:
        items = _split(body, lines)
        if not items:
            raise _RefusalError(HTTPStatus.BAD_REQUEST, "body must have at least one row; got none")
        admitted = [
            Admitted(source, tuple(self._admit(raw, mapping, source)))
            for raw in items.values()
            for source in (_source(client, token, raw),)
        ]
        try:
            self._send(admitted)
        except BusyError as busy:
            raise _RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "queue must have room; got none; try again",
                Retry_After=str(max(1, math.ceil(busy.retry_after_seconds))),
            ) from None
        return self._answer([self._told(at, one) for at, one in zip(items, admitted, strict=True)])

    def _told(self, at: str, admitted: Admitted) -> dict[str, Any]:
        """What became of one row, in words that give nothing away."""
        failed = [one for one in admitted.results if isinstance(one, DeadLetter)]
        if failed:
            return {"at": at, "status": "rejected"} | _why(failed[0])
        ids = [one.id for one in admitted.results if isinstance(one, Event)]
        if not ids:
            return {"at": at, "status": "dropped"}
        known = [self._seen_ids.put(one, True) for one in ids]
        told: dict[str, Any] = {"at": at, "status": "accepted", "ids": ids}
        return told | {"duplicate": True} if all(known) else told

    def _answer(self, told: list[dict[str, Any]]) -> _Answer:
        """202 when anything went through; 400 when nothing could be read, 422 when nothing could be used."""
        counts = Counter(one["status"] for one in told)
        accepted = [one for one in told if one["status"] == "accepted"]
        body: dict[str, Any] = {name: counts[name] for name in ("accepted", "rejected", "dropped")}
        body["duplicate"] = bool(accepted) and all(one.get("duplicate") for one in accepted)
        body["items"] = told
        if counts["rejected"] < len(told):
            return _Answer(HTTPStatus.ACCEPTED, body)
        unreadable = all(one["reason"] in ("bad_json", "bad_encoding") for one in told)
        return _Answer(HTTPStatus.BAD_REQUEST if unreadable else HTTPStatus.UNPROCESSABLE_ENTITY, body)


class _Recent(Generic[T]):
    """What was put last, up to a number of things; the one not used for longest goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str) -> T | None:
        return self._kept.get(name)

    def put(self, name: str, value: T) -> bool:
        """Keep it; true if it was there already."""
        known = name in self._kept
        self._kept[name] = value
        self._kept.move_to_end(name)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return known


def _is_lines(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coded = request.headers.get("content-encoding", "identity").lower() != "identity"
    if coded or kind not in (JSON, *LINES):
        raise _RefusalError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"`Content-Type` must be `{JSON}` or `{LINES[0]}`, not compressed; got another",
            Accept=", ".join((JSON, *LINES)),
        )
    return kind in LINES


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if len(key) > MAX_KEY:
        raise _RefusalError(
            HTTPStatus.BAD_REQUEST,
            f"`Idempotency-Key` must have at most {MAX_KEY} characters; got {len(key)}",
        )
    return key


def _split(body: bytes, lines: bool) -> dict[str, bytes]:
    """The rows of a body by their place in it: the lines, the members of an array, or the one object."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if lines:
        rows = enumerate(body.split(b"\n"), 1)
        return {f"line {number}": raw for number, line in rows if (raw := line.strip())}
    body = body.strip()
    if body.startswith(b"["):
        try:
            return {f"item {number}": bytes(raw) for number, raw in enumerate(_read_raws(body))}
        except UNREADABLE:
            return {"body": body}  # the door says what is wrong with it, and keeps it
    return {"body": body} if body else {}


def _source(client: str, token: str, raw: bytes) -> str:
    """Where a row came from: the same row has the same source, and nobody can guess a row from it."""
    digest = hashlib.blake2b(raw, digest_size=12, key=token.encode()[:64]).hexdigest()
    return f"http:{client}/{digest}"


def _why(letter: DeadLetter) -> dict[str, str]:
    """Reason, what must be true and which field; what was there instead is not said back."""
    must, _, got = letter.sentence.partition("; got ")
    field = _FIELD.search(got)
    told = {"reason": letter.reason, "message": scrub(must)}
    return told | {"field": field[1]} if field else told


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encode(body), status, dict(headers or {}), JSON)
