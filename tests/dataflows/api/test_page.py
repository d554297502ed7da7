"""The commands of the page do what it says."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from served import Served
from service import AT, HERE, World
from small_issuer import SmallIssuer, rsa_key

from alerts.model import Acted, AlertAction, Matchers, Silencing
from connectors.openid import DISCOVERY
from dataflows.api.app import ROUTES
from dataflows.api.powers import load_routing
from dataflows.api.server import sign_in_of
from dataflows.api.tokens import read_tokens
from dataflows.settings import Settings, load_settings

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def commands() -> list[str]:
    lines = "".join(blocks("sh")).replace("\\\n", "").splitlines(keepends=True)
    return re.findall(r"^curl .*?(?=^curl |\Z)", "".join(lines), re.DOTALL | re.MULTILINE)


def test_every_command_of_the_page_is_answered(world: World) -> None:
    world.say("alert-1")
    world.say("alert-1", 2)
    world.report("e1", "matter-1")
    world.report("e2", "91ab52c0-6d0e-5a3b-8f0e-2c1e7a4b9d10")
    quiet = AlertAction(
        "quiet-000001", "silence", "li", "duty.county", AT, HERE, silence=Silencing(Matchers(rule="rc.*"))
    )
    world.redis.hset("silences", "quiet-000001", msgspec.json.encode(Acted(1, AT, quiet, "done", county=HERE)))

    with Served(world) as served, world.desk():
        known = {"API": served.address, "TOKEN": world.shown["head-here"], "ALERT": "alert-1", "MATTER": "matter-1"}
        for command in commands():
            assert _status(command, known, world.folder / "body") == "200", command


def _status(command: str, known: dict[str, str], body: Path) -> str:
    for name, value in known.items():
        command = command.replace(f"${name}", value)
    seconds = "3" if "-sSN" in command else "20"  # a stream has no end
    options = ["-o", str(body), "-w", "%{http_code}", "--max-time", seconds]
    return subprocess.run([*shlex.split(command), *options], capture_output=True, text=True, check=False).stdout


def test_the_file_of_tokens_on_the_page_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(blocks("yaml")[0], encoding="utf-8")

    (token,) = read_tokens(path)

    assert (token.caller.name, token.caller.region) == ("li.fang", "620102")


def test_the_page_names_every_route_and_setting() -> None:
    for handler in ROUTES:
        for path in handler.paths:
            told = re.sub(r"/\{[^}]*\}", "", path)
            assert told.rsplit("/", 1)[-1] in PAGE, path
    for name in Settings.__struct_fields__:
        if name.startswith("api_"):
            assert f"`{name}`" in PAGE


def test_the_settings_and_claims_of_a_sign_in_on_the_page_let_somebody_in(tmp_path: Path) -> None:
    path = tmp_path / "anlan.toml"
    path.write_text(blocks("toml")[0], encoding="utf-8")
    settings = load_settings(str(path), {})
    claims = msgspec.json.decode(blocks("json")[0])
    key = rsa_key("k1")
    documents = {
        f"{settings.oidc_issuer}{DISCOVERY}": {"issuer": settings.oidc_issuer, "jwks_uri": "https://keys.example"},
        "https://keys.example": {"keys": [key.as_dict(private=False)]},
    }
    sign_in = sign_in_of(settings, load_routing(), lambda address: msgspec.json.encode(documents[address]))
    token = SmallIssuer().token(key, "RS256", **claims)

    assert sign_in is not None
    caller = asyncio.run(sign_in.caller(token, datetime.fromtimestamp(claims["iat"], UTC)))

    assert (caller.name, caller.role, caller.region) == ("zhao.lei", "duty.county", "620102")
    assert set(tomllib.loads(blocks("toml")[0])) == {
        name for name in Settings.__struct_fields__ if name.startswith("oidc_")
    }
