"""The HTTP way in as a server beside the flow: what it admits goes to the raw topics, and an answer means kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import uvicorn

from alerts.model import DeadLetter, Event
from connectors.address import Where
from connectors.deadletter import Dropped
from connectors.door import Door
from connectors.http import EVENTS, Admitted, BusyError, app, parse_tokens
from connectors.joined_tokens import joining
from connectors.kafka import BrokerError
from connectors.kafka_client import cluster_id
from connectors.lexicon import load_lexicon
from connectors.metrics import Metrics
from connectors.pseudonym import load_keyring
from connectors.registry import load_channels
from connectors.seal import Sealer, load_unsealer
from dataflows.admission import UNKNOWN
from dataflows.installation import all_mappings, clock_of
from dataflows.listening import listen
from dataflows.outbox import Outbox, Result, sendable
from dataflows.servers import door_files, kafka_of
from dataflows.settings import Settings, required

START_SECONDS = 10.0
STOP_SECONDS = 10  # for requests in flight; more than the patience below
BROKER_SECONDS = 5.0  # how long a request waits for the broker; its client is waiting too
LOOK_SECONDS = 2.0  # that the brokers have to say that they are there
REMEMBER_SECONDS = 1.0  # what they said
RETRY_SECONDS = 5.0  # what a client is asked to wait while the broker is away

_log = logging.getLogger("anlan.push")


@contextlib.contextmanager
def push_server(settings: Settings, metrics: Metrics | None = None) -> Iterator[int]:
    """Serve `POST /v1/events` and `/v1/rows/<mapping>` for as long as the block lasts; gives the port.

    A request is answered with 202 when the broker has its events and dead letters, and with 503 when it does
    not take them in time; what is sent again has the same ids. `/health` says 503 while no broker answers. Port 0
    is any free one. The raw topics must be there. `metrics` counts what mappings drop; everything else is counted
    when the flow reads it.
    """
    required(settings, "keyring", "seal_key", "http_tokens")
    desk = _Desk(settings, metrics or Metrics())
    tokens = parse_tokens(settings.http_tokens)
    certificate, key = door_files(settings, "http_address")
    with (
        listen(settings.http_address, settings.http_port, "http") as listener,
        _Sender(kafka_of(settings), desk) as sender,
    ):
        web = app(
            desk.admit,
            sender.send,
            tokens=tokens,
            mappings=desk.mappings.__contains__,
            is_healthy=_Brokers(kafka_of(settings)).are_answering,
        )
        config = uvicorn.Config(
            web,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=certificate or None,
            ssl_keyfile=key or None,
        )
        with _served(config, listener):
            port = int(listener.getsockname()[1])
            _log.info("push_started address=%s port=%d", settings.http_address, port)
            yield port
    _log.info("push_stopped")


class _Desk:
    """Where rows are handed in: the door and the mappings of this installation, with the books."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        channels = load_channels()
        keyring = joining(load_keyring(settings.keyring))
        sealer = Sealer(load_unsealer(settings.seal_key).public)
        self.mappings = all_mappings(settings, channels, keyring)
        self._door = Door(channels, keyring, sealer, load_lexicon())
        self._clock = clock_of(settings)
        self._metrics = metrics

    def admit(self, raw: bytes, mapping: str, source: str) -> list[Result]:
        """What one row becomes."""
        now = self._clock()
        results: Sequence[Result]
        if mapping == EVENTS:
            results = [self._door.admit_event_json(raw, source, now)]
        else:
            results = self._door.admit_row_json(self.mappings[mapping], raw, source, now)
        return sendable(self._door, results, lambda: raw, source, now)

    def count(self, dropped: Dropped) -> None:
        """Enter what goes no further into the books."""
        channel = self.mappings[dropped.mapping].channel_of({}) or UNKNOWN
        self._metrics.events_received.labels(channel).inc()
        self._metrics.events_dropped.labels(channel, dropped.reason).inc()


class _Brokers:
    """Whether they answer; asking often asks them not more than once a second."""

    def __init__(self, bootstrap: Where) -> None:
        self._bootstrap = bootstrap
        self._turn = threading.Lock()
        self._found: tuple[float, bool] | None = None

    def are_answering(self) -> bool:
        """Waits for an answer for two seconds at most, however many ask."""
        with self._turn:
            if self._found is None or time.monotonic() > self._found[0] + REMEMBER_SECONDS:
                answers = cluster_id(self._bootstrap, LOOK_SECONDS) is not None
                self._found = time.monotonic(), answers
            return self._found[1]


class _Sender:
    """One thread that owns the outbox. What it took is with the broker; what it did not is sent again."""

    def __init__(self, bootstrap: Where, desk: _Desk) -> None:
        self._bootstrap = bootstrap
        self._desk = desk
        self._outbox: Outbox | None = None
        self._thread = ThreadPoolExecutor(1, "push-outbox")

    def send(self, admitted: Sequence[Admitted]) -> None:
        """Hand everything of one request to the broker; `BusyError` where it does not take it."""
        try:
            self._thread.submit(self._deliver, admitted).result()
        except BrokerError as error:
            _log.warning("push_held error=%s", error)
            raise BusyError(RETRY_SECONDS) from error

    def _deliver(self, admitted: Sequence[Admitted]) -> None:
        outbox = self._outbox or Outbox(self._bootstrap, BROKER_SECONDS)
        self._outbox = None  # unless all goes well: a producer that failed is not used again
        results = [result for each in admitted for result in each.results]
        for result in results:
            if isinstance(result, Event | DeadLetter):
                outbox.send(result)
        outbox.flush()
        self._outbox = outbox
        for result in results:
            if isinstance(result, Dropped):
                self._desk.count(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._thread.shutdown()  # nothing is left in the outbox: each delivery waits until it is empty


@contextlib.contextmanager
def _served(config: uvicorn.Config, listener: socket.socket) -> Iterator[None]:
    """A server with a thread and an event loop of its own; on exit it finishes what is in flight."""
    server = uvicorn.Server(config)
    # signals are the flow's: uvicorn leaves them alone outside the main thread
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="push-http", daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS + 5)
        if thread.is_alive():
            _log.error("push_not_stopped seconds=%d", STOP_SECONDS + 5)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + START_SECONDS
    while not server.started:
        thread.join(0.01)
        if not thread.is_alive() or time.monotonic() > end:
            raise RuntimeError(f"http must be served within {START_SECONDS:g} s; got no server; see the log")
