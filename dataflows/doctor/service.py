"""`anlan serve`: whether it answers on this machine, and what it says of itself."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import msgspec

from dataflows.api.answers import Readiness
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.settings import Settings

ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # an address to listen at is none to ask
SECONDS = 10.0  # it asks three servers itself
REMEDY = "start `anlan serve`, unless it runs on another machine: ask the doctor there"


def look_at_service(settings: Settings) -> Iterator[Line]:
    """Whether it is ready. It may run elsewhere: that nothing answers here need not be wrong."""
    if not settings.api_port:
        return
    place = f"{ANY.get(settings.api_address, settings.api_address)}:{settings.api_port}"
    scheme = "https" if settings.server_certificate else "http"
    try:
        answer = httpx.get(f"{scheme}://{place}/health/ready", timeout=SECONDS, verify=_trusted(settings))
        found = msgspec.json.decode(answer.content, type=Readiness)
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        yield attention("service", f"does not answer on this machine; got `{error}` ({place})", REMEDY)
        return
    yield _line(found, place)


def _line(found: Readiness, place: str) -> Line:
    if found.status == "ready":
        return ok("service", f"is ready ({place})")
    said = {"kafka": found.kafka, "redis": found.redis, "clickhouse": found.clickhouse}
    why = "; ".join(f"{name} {says.removeprefix(f'{name} ')}" for name, says in said.items() if says != "answers")
    says, remedy = f"is {found.status}: {why} ({place})", "start or mend what it names, as its own line says"
    return attention("service", says, remedy) if found.status == "degraded" else broken("service", says, remedy)


def _trusted(settings: Settings) -> ssl.SSLContext | bool:
    """It is asked on this machine, not by the name in its certificate: it must show the very one in our file."""
    if not settings.server_certificate:
        return True
    context = ssl.create_default_context(cafile=settings.server_certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
