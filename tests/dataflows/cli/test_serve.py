"""`anlan serve`: what must be there before it answers."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from certificates import Authority
from click.testing import CliRunner
from live_flow import wait_until

from connectors.child_server import free_port
from dataflows.api.tokens import make_token
from dataflows.cli import main


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.yaml"
    path.write_text(f"apiVersion: tokens/v1\ntokens:\n{make_token('li', 'viewer', '')[1]}\n", encoding="utf-8")
    return path


def said(**environment: str) -> str:
    found = CliRunner().invoke(main, ["serve"], env={f"ANLAN_{name}": value for name, value in environment.items()})
    assert found.exit_code == 1
    return found.output


def test_without_a_file_of_tokens_it_does_not_start(tmp_path: Path) -> None:
    assert "`api_tokens` must be set; got nothing" in said()
    assert "tokens must be in a file; got no file" in said(API_TOKENS=str(tmp_path / "none.yaml"))


def test_with_an_issuer_no_file_of_tokens_is_needed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = said(OIDC_ISSUER="http://127.0.0.1:9", API_PORT=str(taken.getsockname()[1]))

    assert "`api_address` and `api_port` must be free" in told, "it has come as far as that"


def test_an_issuer_that_cannot_be_trusted_is_told_at_the_start() -> None:
    must = "`oidc_issuer` must be an address with https, or one on this machine"
    assert f"{must}; got `http://login.example`" in said(OIDC_ISSUER="http://login.example")
    assert "`oidc_role_claim` must be set; got nothing" in said(OIDC_ISSUER="https://l.example", OIDC_ROLE_CLAIM="")
    assert "`oidc_audience` must be set; got nothing" in said(OIDC_ISSUER="https://l.example", OIDC_AUDIENCE="")


def test_a_port_in_use_is_told_at_the_start(tokens: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        told = said(API_TOKENS=str(tokens), API_PORT=str(port))

    must = "`api_address` and `api_port` must be free to listen on"
    assert f"{must}; got `Address already in use` (127.0.0.1, port {port})" in told


def test_metrics_are_answered_where_the_settings_say(tokens: Path) -> None:
    told = said(
        API_TOKENS=str(tokens),
        API_PORT="0",
        API_METRICS_PORT="0",
        METRICS_ADDRESS="192.0.2.1",
        SERVER_BEHIND_PROXY="true",
    )

    assert "Cannot assign requested address" in told, "an address that no machine has"


def test_a_door_beyond_this_machine_without_a_certificate_is_refused_at_the_start(tokens: Path) -> None:
    told = said(API_TOKENS=str(tokens), API_PORT="0", API_METRICS_PORT="0", API_ADDRESS="0.0.0.0")

    assert "a door beyond this machine must have a certificate, or tokens go out in the clear; got `0.0.0.0`" in told


def test_a_routing_that_cannot_be_used_is_told_at_the_start(tokens: Path, tmp_path: Path) -> None:
    path = tmp_path / "routing.yaml"
    path.write_text("apiVersion: routing/v2\n", encoding="utf-8")

    assert "routing must be as documented" in said(API_TOKENS=str(tokens), ROUTING=str(path))


@pytest.fixture
def in_tls(tokens: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a service with a certificate, and the file that vouches for it; its servers are away."""
    authority, port = Authority(tmp_path), free_port()
    pair = authority.sign("service")
    settings = {"API_TOKENS": tokens, "API_PORT": port, "API_METRICS_PORT": 0, "REDIS": "redis://127.0.0.1:1/0"}
    doors = {"SERVER_CERTIFICATE": pair.certificate, "SERVER_KEY": pair.key, "KAFKA": "127.0.0.1:1"}
    environment = {**os.environ, **{f"ANLAN_{name}": str(value) for name, value in (settings | doors).items()}}
    command = [sys.executable, "-m", "dataflows", "-v", "serve"]
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    wait_until(lambda: b"service_started" in (tmp_path / "log").read_bytes(), "the service must start")
    yield f"https://127.0.0.1:{port}", authority.ca
    service.send_signal(signal.SIGTERM)
    assert service.wait(30) == 0


@pytest.mark.integration
def test_with_a_certificate_it_speaks_https_to_who_trusts_it_and_nothing_else(in_tls: tuple[str, Path]) -> None:
    address, ca = in_tls

    def told(**environment: str) -> str:
        return CliRunner().invoke(main, ["alerts", "list", "--api", address], env=environment).output

    assert httpx.get(f"{address}/v1/alerts", verify=ssl.create_default_context(cafile=ca)).status_code == 401
    with pytest.raises(httpx.TransportError):
        httpx.get(address.replace("https", "http"))
    assert "CERTIFICATE_VERIFY_FAILED" in told(ANLAN_TOKEN="a")
    refused = told(ANLAN_TOKEN="a", ANLAN_TLS_CA=str(ca))
    assert "CERTIFICATE" not in refused
    assert "token" in refused
