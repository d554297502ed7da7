"""The doctor on `anlan serve`: as a real one says it, by TLS, too, and where nothing answers."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from certificates import Authority
from examined import said
from served import Served
from service import World

from dataflows.api import wholeness
from dataflows.doctor.line import Line
from dataflows.settings import Settings

pytestmark = pytest.mark.integration


def port_of(served: Served) -> int:
    return int(served.address.rpartition(":")[2])


def test_it_is_ready_or_says_what_it_lacks_or_is_not_there(
    tmp_path: Path, redis_url: str, pool_dsn: str, bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wholeness, "ON_ITS_WAY_SECONDS", 0.0)
    world = World(tmp_path, redis_url, pool_dsn, bootstrap)
    world.say("a")
    found: list[Line] = []
    with Served(world) as served:
        settings = Settings(api_port=port_of(served), api_address="0.0.0.0")
        found += said("service", settings)
    world.redis.flushdb()
    with Served(world) as served:
        found += said("service", settings := Settings(api_port=port_of(served)))
    found += said("service", settings)
    world.close()

    assert [line.verdict for line in found] == ["ok", "broken", "attention"]
    assert found[1].says.startswith("is incomplete: redis must have the whole feed; got one that lacks 1 of")
    assert "does not answer on this machine; got `" in found[2].says
    assert "anlan serve" in found[2].remedy
    assert said("service", Settings(api_port=0)) == []


class Degraded(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(
            b'{"status":"degraded","kafka":"answers","redis":"answers","clickhouse":"must answer; got no answer"}'
        )

    def log_message(self, *_: object) -> None:
        pass


def test_in_tls_it_must_show_the_certificate_in_our_file(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, another = authority.sign("ours", host="192.0.2.2"), authority.sign("another")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)
    with HTTPServer(("127.0.0.1", 0), Degraded) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        right, wrong = (
            said("service", Settings(api_port=server.server_port, server_certificate=str(each.certificate)))
            for each in (ours, another)
        )
        server.shutdown()

    assert [line.verdict for line in (*right, *wrong)] == ["attention", "attention"]
    assert right[0].says.startswith("is degraded: clickhouse must answer; got no answer (127.0.0.1:")
    assert "certificate verify failed" in wrong[0].says
