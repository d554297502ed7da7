"""What the command line asks the service for people and systems (`anlan serve`), over HTTP.

Every request may be sent again without harm: what reads changes nothing, and an action carries its own id.
"""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from alerts.model import Acted, Revision
from dataflows.api.answers import (
    Accepted,
    AlertDetail,
    AlertPage,
    Revisions,
    Silences,
    SilenceShown,
    Snapshot,
    Step,
    Timeline,
)
from dataflows.server_sent import events

DEFAULT_ADDRESS = "http://127.0.0.1:8090"
PAGE = 500
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
LONGEST_PAUSE = 30.0  # that a server may ask for
LOOK_SECONDS = 0.5  # between two questions for a verdict
SILENT_SECONDS = 45.0  # a stream that says nothing for so long is dead: it shows every 15 s that it is not
LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)

T = TypeVar("T")


class ApiError(ValueError):
    """The service did not do what it was asked; the sentence says why, and `status` which way (0: no answer)."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class LostError(ApiError):
    """No answer, or none now; the same request may be answered later, at best after `seconds`."""

    def __init__(self, sentence: str, status: int = 0, seconds: float = 0.0) -> None:
        super().__init__(sentence, status)
        self.seconds = seconds


class GoneError(ApiError):
    """The feed does not remember that place."""


class RefusedError(ApiError):
    """The desk, or the role, does not allow the action."""


class NotYetError(ApiError):
    """The action is on its way, and nothing is known of it yet."""


class Told(NamedTuple):
    """One event of the feed: `begin`, `revision` or `left`, its place, and what it holds as JSON."""

    kind: str
    place: int
    data: str


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class Api:
    """One caller's way to the service. Not to be shared between threads."""

    def __init__(
        self,
        address: str,
        token: str | Callable[[], str],
        *,
        ca: str = "",
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ca` is a file of certificates that vouch for the service's; "" is those of this machine."""
        timeout = httpx.Timeout(30.0, connect=5.0)
        trusted = ssl.create_default_context(cafile=ca or None)
        self.pause = pause
        self._now = now
        self._http = httpx.Client(
            base_url=address, auth=_bearer(token), timeout=timeout, transport=transport, verify=trusted
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # what stands

    def alerts(self, limit: int | None = None, **wanted: Any) -> Iterator[Revision]:
        """Alerts as their last revisions show them, page by page; see GET /v1/alerts."""
        left, cursor = limit, ""
        while left is None or left > 0:
            asked = {**wanted, "limit": PAGE if left is None else min(left, PAGE), "cursor": cursor or None}
            page = self._ask("/v1/alerts", AlertPage, **asked)
            yield from page.alerts
            if page.next is None:
                return
            left = None if left is None else left - len(page.alerts)
            cursor = page.next

    def alert(self, alert_id: str) -> AlertDetail:
        """One alert, and what people did with it."""
        return self._ask(f"/v1/alerts/{quote(alert_id, safe='')}", AlertDetail)

    def revisions(self, alert_id: str) -> list[Revision]:
        """How an alert went."""
        return self._ask(f"/v1/alerts/{quote(alert_id, safe='')}/revisions", Revisions).revisions

    def timeline(self, matter: str) -> list[Step]:
        """The life of a matter."""
        return self._ask(f"/v1/matters/{quote(matter, safe='')}/timeline", Timeline).steps

    def snapshot(self) -> Snapshot:
        """What is open, and the place in the feed up to which that holds."""
        return self._ask("/v1/snapshot", Snapshot)

    def silences(self) -> list[SilenceShown]:
        """The silences that are not over."""
        return self._ask("/v1/silences", Silences).silences

    # what people do

    def act(self, alert_id: str, wait: float, **asked: Any) -> Acted:
        """Do something with an alert, and wait some seconds for the verdict."""
        return self._do("POST", f"/v1/alerts/{quote(alert_id, safe='')}/actions", wait, asked)

    def silence(self, wait: float, **asked: Any) -> Acted:
        """Begin a silence."""
        return self._do("POST", "/v1/silences", wait, asked)

    def unsilence(self, silence_id: str, wait: float, **asked: Any) -> Acted:
        """End a silence before its time."""
        return self._do("DELETE", f"/v1/silences/{quote(silence_id, safe='')}", wait, asked)

    def merge(self, matter: str, wait: float, **asked: Any) -> Acted:
        """Make a matter part of another."""
        return self._do("POST", f"/v1/matters/{quote(matter, safe='')}/merge", wait, asked)

    def split(self, matter: str, wait: float, **asked: Any) -> Acted:
        """Make some events of a matter one of their own."""
        return self._do("POST", f"/v1/matters/{quote(matter, safe='')}/split", wait, asked)

    def _do(self, method: str, path: str, wait: float, asked: Mapping[str, Any]) -> Acted:
        body = {"action_id": uuid.uuid4().hex, **{name: each for name, each in asked.items() if each is not None}}
        end = self._now() + wait
        params: dict[str, Any] = {"wait": min(wait, 10.0)}
        if method == "DELETE":  # has no body
            params, body = {**params, **body}, {}
        response = self._request(method, path, params, body or None)
        if response.status_code != HTTPStatus.ACCEPTED:
            return _decoded(response, Acted)
        action_id = _decoded(response, Accepted).action_id
        while (acted := self._verdict(action_id)) is None:
            if self._now() >= end:
                raise NotYetError(f"action must have a verdict within {wait:g} s; got none yet (`{action_id}`)")
            self.pause(LOOK_SECONDS)
        return acted

    def _verdict(self, action_id: str) -> Acted | None:
        try:
            acted = self._ask(f"/v1/actions/{action_id}", Acted)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if acted.verdict == "refused":
            raise RefusedError(acted.sentence, HTTPStatus.CONFLICT)
        return acted

    # the feed

    def stream(self, after: int | None) -> Iterator[Told]:
        """The feed behind a place, or from now on, until the connection ends. Raises `LostError` when it breaks."""
        headers = {} if after is None else {"last-event-id": str(after)}
        timeout = httpx.Timeout(SILENT_SECONDS, connect=5.0)
        try:
            with self._http.stream("GET", "/v1/stream", headers=headers, timeout=timeout) as response:
                if response.status_code != HTTPStatus.OK:
                    response.read()
                    raise _refusal(response)
                for event in events(response.iter_lines()):
                    yield Told(event.kind, int(event.id), event.data)
        except httpx.TransportError as error:
            raise _lost(self._http, error) from error

    def _ask(self, path: str, answer: type[T], **params: Any) -> T:
        return _decoded(self._request("GET", path, params), answer)

    def _request(self, method: str, path: str, params: Mapping[str, Any], body: Any = None) -> httpx.Response:
        """The answer, after as many tries as it takes."""
        for pause in PAUSES:
            try:
                return self._request_once(method, path, params, body)
            except LostError as error:
                self.pause(error.seconds or pause)
        return self._request_once(method, path, params, body)

    def _request_once(self, method: str, path: str, params: Mapping[str, Any], body: Any) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if content else {}
        known = {name: each for name, each in params.items() if each not in (None, "", ())}
        try:
            response = self._http.request(method, path, params=known, content=content, headers=headers)
        except httpx.TransportError as error:
            raise _lost(self._http, error) from error
        if not response.is_success:
            raise _refusal(response)
        return response


def _bearer(token: str | Callable[[], str]) -> Callable[[httpx.Request], httpx.Request]:
    """Shows the token of now: one of an issuer is another every few minutes."""

    def show(request: httpx.Request) -> httpx.Request:
        request.headers["authorization"] = f"Bearer {token if isinstance(token, str) else token()}"
        return request

    return show


def _decoded(response: httpx.Response, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as error:
        raise ApiError(f"service must answer as `anlan serve` does; got {error} ({response.url})") from error


def _lost(client: httpx.Client, error: httpx.TransportError) -> LostError:
    said = str(error) or type(error).__name__
    return LostError(f"service must answer; got `{said}` ({client.base_url}); name another with --api or `ANLAN_API`")


def _refusal(response: httpx.Response) -> ApiError:
    """The sentence of a problem (RFC 9457) as an error."""
    status = response.status_code
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    sentence = problem.detail or problem.title or f"service must answer as `anlan serve` does; got status {status}"
    if status in LATER:
        return LostError(sentence, status, _seconds(response.headers.get("retry-after", "")))
    if status == HTTPStatus.GONE:
        return GoneError(sentence, status)
    if status in (HTTPStatus.CONFLICT, HTTPStatus.FORBIDDEN):
        return RefusedError(sentence, status)
    return ApiError(sentence, status)


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_PAUSE) if text.isdigit() else 0.0
