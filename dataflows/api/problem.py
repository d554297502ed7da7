"""What is answered where something must not be or cannot be: a problem (RFC 9457) with a sentence."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from connectors.clickhouse_alerts import PoolAwayError
from connectors.redis_views import GoneError, RedisAwayError
from dataflows.api.answers import Accepted

PROBLEM = "application/problem+json"
RETRY_SECONDS = 2

_log = logging.getLogger("anlan.api")
_SHOWN = re.compile(r"Invalid enum value .*", re.DOTALL)


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a request was not done: `detail` says what must be, what was there instead, and what to do."""

    title: str
    status: int
    detail: str
    action_id: str = ""  # of an action that was refused, or of which nothing is known yet
    type: str = "about:blank"


class RefusedError(Exception):
    """The answer is a problem."""

    def __init__(self, status: HTTPStatus, sentence: str, *, action_id: str = "", **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.action_id = action_id
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class AwayError(RefusedError):
    """A server behind the service does not answer; the same request may be answered later."""

    def __init__(self, sentence: str, *, action_id: str = "") -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, sentence, action_id=action_id, Retry_After=str(RETRY_SECONDS))


def not_there(what: str) -> RefusedError:
    """It is not there, or not for this caller: who asks cannot tell which."""
    return RefusedError(HTTPStatus.NOT_FOUND, f"{what} must be one of yours; got another, or one that is not there")


def documented(*statuses: HTTPStatus) -> dict[int, ResponseSpec]:
    """The problems that a route may answer beside those of every route, for the description of the service."""
    every = (
        HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE,
    )  # fmt: skip
    return {int(status): _spec(status) for status in (*every, *statuses)}


def documented_action() -> dict[int, ResponseSpec]:
    """What a route may answer that hands in an action."""
    waiting = ResponseSpec(Accepted, generate_examples=False, description="With the desk; no verdict yet")
    problems = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return {**documented(*problems), 202: waiting}


def _spec(status: HTTPStatus) -> ResponseSpec:
    return ResponseSpec(Problem, generate_examples=False, media_type=PROBLEM, description=status.phrase)


def answer_refused(_: Request[Any, Any, Any], error: RefusedError) -> Response[Problem]:
    """Our own sentences."""
    return _answer(error.status, str(error), error.action_id, error.headers)


def answer_away(request: Request[Any, Any, Any], error: RedisAwayError | PoolAwayError) -> Response[Problem]:
    """A server behind us is away."""
    return answer_refused(request, AwayError(str(error)))


def answer_gone(request: Request[Any, Any, Any], error: GoneError) -> Response[Problem]:
    """A place that the feed does not have."""
    return answer_refused(request, RefusedError(HTTPStatus.GONE, str(error)))


def answer_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """What the framework refuses: a path, a method, a body, a parameter."""
    status = HTTPStatus(error.status_code)
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() in ("allow", "retry-after")}
    return _answer(status, _sentence(error, status), headers=headers)


def answer_failed(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A fault of ours: the log has it, the caller has the id of the request."""
    _log.error("request_failed error=%s", type(error).__name__, exc_info=error)
    sentence = "the service must be able to answer; got a fault of its own; tell who runs it the `X-Request-Id`"
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, sentence)


def _sentence(error: HTTPException, status: HTTPStatus) -> str:
    if isinstance(error, ValidationException):
        return f"request must be as described in /openapi.json; got {_places(error)}"
    if status is HTTPStatus.NOT_FOUND:
        return "path must be one of those in /openapi.json; got another"
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        return "method must be one that the path has; got another; see /openapi.json"
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "body must be short; got a longer one; `why` has at most 2000 characters"
    return f"request must be as described in /openapi.json; got `{status.phrase.lower()}`"


def _places(error: ValidationException) -> str:
    """What is wrong, and where; what was there instead is not said back."""
    extra: Any = error.extra
    if isinstance(extra, list) and extra:
        return "; ".join(f"{_plain(each.get('message', ''))} at `{_name(each.get('key'))}`" for each in extra[:5])
    return "another"


def _plain(message: str) -> str:
    """What must be, without what was there."""
    must = _SHOWN.sub("one of those described", message).removeprefix("Expected ")
    return f"something else, not {must[:200]}"


def _name(key: str | None) -> str:
    """The name that the caller knows; some are taken by the framework."""
    return (key or "body").removesuffix("_in")


def _answer(
    status: HTTPStatus, sentence: str, action_id: str = "", headers: dict[str, str] | None = None
) -> Response[Problem]:
    problem = Problem(status.phrase, int(status), sentence, action_id)
    return Response(problem, status_code=int(status), media_type=PROBLEM, headers=headers or {})


HANDLERS: Any = {
    RefusedError: answer_refused,
    RedisAwayError: answer_away,
    PoolAwayError: answer_away,
    GoneError: answer_gone,
    HTTPException: answer_http,
    Exception: answer_failed,
}
