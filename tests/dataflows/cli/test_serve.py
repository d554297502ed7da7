"""`anlan serve`: what must be there before it answers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

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


def test_a_routing_that_cannot_be_used_is_told_at_the_start(tokens: Path, tmp_path: Path) -> None:
    path = tmp_path / "routing.yaml"
    path.write_text("apiVersion: routing/v2\n", encoding="utf-8")

    assert "routing must be as documented" in said(API_TOKENS=str(tokens), ROUTING=str(path))
