"""The way to the service: what is tried again, what is not, and what is said when it is no service of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from alerts.model import AlertAction
from dataflows.api.answers import Silences
from dataflows.api_client import PAUSES, Api, ApiError, GoneError, LostError, NotYetError, RefusedError

Answer = httpx.Response | Exception
AN_ACTION = msgspec.to_builtins(AlertAction("a1", "ack", "li", "duty", datetime(2026, 3, 2, 1, tzinfo=UTC)))
NOTHING = msgspec.json.encode(Silences([]))


class Service:
    """Answers what it was told to, one after the other; the last again and again."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def api(self) -> Api:
        return Api("http://service", "secret", transport=httpx.MockTransport(self), pause=self.pauses.append)


def problem(status: int, detail: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"title": "x", "status": status, "detail": detail}, headers=headers)


def test_what_is_lost_is_asked_again_with_growing_pauses() -> None:
    service = Service(httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.Response(200, content=NOTHING))

    assert service.api().silences() == []
    assert service.pauses == list(PAUSES[:2])
    assert {request.headers["authorization"] for request in service.asked} == {"Bearer secret"}


def test_the_token_of_now_is_shown_each_time() -> None:
    service = Service(httpx.ReadTimeout("slow"), httpx.Response(200, content=NOTHING))
    tokens = iter(["before", "after"])
    api = Api("http://service", tokens.__next__, transport=httpx.MockTransport(service), pause=lambda _: None)

    api.silences()

    assert [request.headers["authorization"] for request in service.asked] == ["Bearer before", "Bearer after"]


def test_it_waits_as_long_as_the_service_asks_for_but_not_for_ever() -> None:
    again = problem(429, "wait", **{"retry-after": "3"})
    much = problem(503, "wait", **{"retry-after": "9999"})
    service = Service(again, much, httpx.Response(200, content=NOTHING))

    assert service.api().silences() == []
    assert service.pauses == [3.0, 30.0]


def test_it_gives_up_with_the_sentence_of_the_service() -> None:
    service = Service(problem(503, "redis must answer; got nothing"))

    with pytest.raises(LostError, match="redis must answer; got nothing"):
        service.api().silences()
    assert len(service.asked) == len(PAUSES) + 1


def test_an_action_that_is_sent_again_is_the_same_action() -> None:
    done = msgspec.json.encode({"seq": 1, "at": "2026-03-02T01:00:00Z", "action": AN_ACTION, "verdict": "done"})
    service = Service(httpx.ReadError("cut"), httpx.Response(200, content=done))

    service.api().act("a/b", 5, action="ack", revision=None)

    first, second = (msgspec.json.decode(request.content) for request in service.asked)
    assert first == second
    assert first.keys() == {"action_id", "action"}
    assert service.asked[0].url.raw_path == b"/v1/alerts/a%2Fb/actions?wait=5"


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (problem(409, "no"), RefusedError, "no"),
        (problem(403, "no"), RefusedError, "no"),
        (problem(410, "gone"), GoneError, "gone"),
        (problem(404, "not yours"), ApiError, "not yours"),
        (httpx.Response(404, text="<html>"), ApiError, "service must answer as `anlan serve` does; got status 404"),
        (httpx.Response(200, text="<html>"), ApiError, "service must answer as `anlan serve` does; got JSON is"),
        (httpx.Response(302, headers={"location": "/"}), ApiError, "got status 302"),
    ],
    ids=["409", "403", "410", "404", "a page", "a good page", "elsewhere"],
)
def test_what_is_refused_is_not_asked_again(answer: httpx.Response, error: type[ApiError], sentence: str) -> None:
    service = Service(answer)

    with pytest.raises(error, match=sentence):
        service.api().silences()
    assert len(service.asked) == 1


@pytest.mark.parametrize("read", [lambda api: list(api.stream(7)), lambda api: list(api.stream(None))])
def test_a_stream_asks_to_go_on_behind_a_place(read: Callable[[Api], Sequence[object]]) -> None:
    text = "event: begin\nid: 7\ndata: {}\n\nevent: revision\nid: 8\ndata: {}\n\n"
    service = Service(httpx.Response(200, text=text))

    assert [each[:2] for each in read(service.api())] == [("begin", 7), ("revision", 8)]  # type: ignore[index]
    assert service.asked[0].headers.get("last-event-id") in ("7", None)


def test_a_stream_that_breaks_is_lost_and_one_that_is_refused_is_not() -> None:
    with pytest.raises(LostError, match="service must answer"):
        list(Service(httpx.ReadError("cut")).api().stream(1))
    with pytest.raises(GoneError, match="gone"):
        list(Service(problem(410, "gone")).api().stream(1))


def waiting() -> httpx.Response:
    return httpx.Response(202, json={"action_id": "a1", "location": "/v1/actions/a1"})


def test_a_refusal_that_comes_later_is_a_refusal() -> None:
    acted = {"seq": 1, "at": "2026-03-02T01:00:00Z", "action": AN_ACTION, "verdict": "refused", "sentence": "too late"}
    verdict = httpx.Response(200, content=msgspec.json.encode(acted))
    service = Service(waiting(), problem(404, "no verdict"), verdict)

    with pytest.raises(RefusedError, match="too late"):
        service.api().act("a", 60, action="ack")
    assert [request.url.path for request in service.asked[1:]] == ["/v1/actions/a1"] * 2


def test_what_has_no_verdict_in_time_names_the_action() -> None:
    clock = iter([0.0, 1.0, 2.0, 3.0])
    service = Service(waiting(), problem(404, "no verdict"))
    api = Api("http://service", "s", transport=httpx.MockTransport(service), pause=lambda _: None, now=clock.__next__)

    with pytest.raises(NotYetError, match=r"action must have a verdict within 2 s; got none yet \(`a1`\)"):
        api.act("a", 2, action="ack")


def test_the_next_page_is_asked_for_until_there_is_none() -> None:
    pages = [{"alerts": [], "next": "p2"}, {"alerts": [], "next": None}]
    service = Service(*(httpx.Response(200, json=page) for page in pages))

    assert list(service.api().alerts(level=["red", "blue"])) == []
    assert [request.url.query for request in service.asked] == [
        b"level=red&level=blue&limit=500", b"level=red&level=blue&limit=500&cursor=p2",
    ]  # fmt: skip
