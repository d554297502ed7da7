"""The certificates that an installation stands on, and until when each is valid: for the doctor and for on-call."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from connectors.certificate import first_end, served_until
from connectors.metrics import Metrics
from dataflows.settings import Settings

FILES = ("tls_ca", "tls_certificate", "server_certificate")
EVERY_SECONDS = 3600.0  # servers are looked at again: a certificate of theirs changes without a start of ours
WARNED_DAYS = 21  # before one ends: on-call says so, too

_TLS = {"redis": ("rediss", 6379), "clickhouse": ("https", 8443)}
_KAFKA_PORT = 9092

_log = logging.getLogger("anlan.certificates")


def in_files(settings: Settings) -> dict[str, datetime]:
    """By the setting that names its file, when each of our own ends; of several in a file the first that does."""
    return {name: first_end(path) for name in FILES if (path := getattr(settings, name))}


def of_servers(settings: Settings) -> dict[str, datetime]:
    """By name of the server, when its certificate ends; of several brokers the first. Who is away is left out."""
    found: dict[str, datetime] = {}
    for name, host, port in _servers(settings):
        try:
            end = served_until(host, port, settings.tls_ca, settings.tls_certificate, settings.tls_key)
        except OSError as error:
            _log.info("certificate_not_seen server=%s host=%s port=%d error=`%s`", name, host, port, error)
        else:
            found[name] = min(end, found.get(name, end))
    return found


def _servers(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """Name, host and port of everything that is spoken to in TLS."""
    if settings.kafka_tls:
        for place in settings.kafka.split(","):
            broker = urlsplit(f"//{place.strip()}")
            yield "kafka", broker.hostname or "", broker.port or _KAFKA_PORT
    for name, (scheme, port) in _TLS.items():
        address = urlsplit(getattr(settings, name))
        if address.scheme == scheme:
            yield name, address.hostname or "", address.port or port


@contextlib.contextmanager
def watched(settings: Settings, metrics: Metrics, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Tell on-call when certificates end: our own as they were at the start, those of servers as they are."""
    for name, end in in_files(settings).items():
        metrics.certificates_covered.labels(name).set(end.timestamp())
    is_over = threading.Event()

    def look() -> None:
        while True:
            for name, end in of_servers(settings).items():
                metrics.certificates_covered.labels(name).set(end.timestamp())
            if is_over.wait(every_seconds):
                return

    thread = threading.Thread(target=look, name="certificates", daemon=True)
    if any(_servers(settings)):
        thread.start()
    try:
        yield
    finally:
        is_over.set()  # nobody waits for it: a server that does not answer must not hold an end up
