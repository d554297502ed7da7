"""What a supervisor hears."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

import pytest

from dataflows.readiness import SOCKET, tell_ready


@pytest.fixture(params=["file", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "file" else f"@{uuid.uuid4().hex}"


def test_who_listens_hears_that_we_are_ready(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOCKET, name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(name.replace("@", "\0"))
        tell_ready()

        assert ear.recv(100) == b"READY=1"


@pytest.mark.parametrize("nobody", ["", "/nowhere/notify"], ids=["not asked", "gone"])
def test_nobody_who_listens_is_no_error(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOCKET, nobody)

    tell_ready()
