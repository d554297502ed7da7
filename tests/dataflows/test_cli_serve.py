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
