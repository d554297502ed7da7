"""The whole centre in containers: the file is right, and starts what the one server starts."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from compose_file import COMPOSE, compose_file
from jsonschema import Draft202012Validator
from one_server import UNITS, OneServer

from dataflows.settings import PREFIX, Settings, load_settings

SCHEMA = Path(__file__).parent / "schema" / "compose-spec-2.16.2.json"
SERVICES = list(compose_file({"ANLAN_ROOT": "", "ANLAN_HOST": "", "ANLAN_USER": ""})["services"])
OURS = ("run", "serve")
NETWORK = {"127.0.0.1": "0.0.0.0"}  # a container has an address of its own


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> OneServer:
    found = OneServer(tmp_path_factory.mktemp("containers"))
    found.install("--containers")
    (found.etc / "tokens.yaml").touch()  # of `anlan tokens make`
    return found


@pytest.fixture(scope="module")
def compose(server: OneServer) -> dict[str, Any]:
    lines = (server.root / "compose.env").read_text(encoding="utf-8").splitlines()
    return compose_file(dict(line.split("=", 1) for line in lines))


@pytest.fixture(params=SERVICES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(compose: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(compose["services"][name])


def words(service: dict[str, Any]) -> list[str]:
    return [*service.get("entrypoint", ["anlan"]), *service.get("command", [])]


def test_the_file_is_what_the_specification_says(compose: dict[str, Any]) -> None:
    faults = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).iter_errors(compose)

    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_every_part_of_one_server_is_a_service() -> None:
    assert set(SERVICES) == {unit.stem.removeprefix("anlan-") for unit in UNITS.glob("*.service")}


def test_a_container_may_do_little(service: dict[str, Any]) -> None:
    user, _, group = service["user"].partition(":")

    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "network_mode"} & service.keys()
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])


def test_a_container_is_watched_and_comes_back(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_an_image_is_pinned_by_its_version(service: dict[str, Any]) -> None:
    assert re.search(r":v?\d+\.\d+", service["image"]), service["image"]


def test_what_a_container_is_given_is_there_after_an_installation(
    service: dict[str, Any], compose: dict[str, Any]
) -> None:
    for volume in service["volumes"]:
        path = volume.split(":")[0]
        assert (COMPOSE.parent / path).exists(), f"{path} is missing"
    for secret in service.get("secrets", []):
        file = Path(compose["secrets"][secret]["file"]).stat()
        assert f"{file.st_uid}:{file.st_gid}" == service["user"], "a container sees the owner of the file outside"


def test_a_container_reads_only_what_it_is_given(service: dict[str, Any]) -> None:
    told = json.dumps([words(service), service.get("environment", {}), service["healthcheck"]["test"]])
    given = [volume.split(":")[1] for volume in service["volumes"]]

    assert set(re.findall(r"/run/secrets/([\w.-]+)", told)) <= set(service.get("secrets", []))
    for path in re.findall(r"/(?:etc|var/lib)/anlan/[\w./-]+", told):
        assert any(path == each or path.startswith(f"{each}/") for each in given), path


def test_nobody_is_given_the_secret_of_another(compose: dict[str, Any]) -> None:
    readers = {
        secret: {name for name, service in compose["services"].items() if secret in service.get("secrets", [])}
        for secret in compose["secrets"]
    }

    assert all(readers.values())
    assert readers["keyring"] == readers["seal.private"] == {"run"}
    assert all(len(names) == 1 for secret, names in readers.items() if secret.endswith((".key", ".pem"))
               and secret != "anlan.key")  # fmt: skip


def test_settings_that_a_container_is_given_exist(compose: dict[str, Any]) -> None:
    known = {PREFIX + name.upper() for name in Settings.__struct_fields__}

    for name in OURS:
        assert compose["services"][name]["environment"].keys() <= known


def test_a_container_starts_what_the_unit_starts(name: str, service: dict[str, Any]) -> None:
    """Paths and secrets aside: so what is tried as plain processes holds for containers."""
    unit = (UNITS / f"anlan-{name}.service").read_text(encoding="utf-8")
    [command] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    elsewhere = {
        "%d": "/run/secrets", "/usr/share/grafana/bin/grafana": "grafana", "/opt/anlan/libexec/": "/usr/local/libexec/",
        **(NETWORK if name in ("prometheus", "alertmanager") else {}),
    }  # fmt: skip
    for ours, theirs in elsewhere.items():
        command = command.replace(ours, theirs)

    program, *options = shlex.split(command)
    found = [word for word in words(service) if word not in ("--bind", "0.0.0.0", "--", "--listen_host=0.0.0.0")]
    if found[0] == "/bin/sh" and program != "/bin/sh":
        found = found[1:]
    assert Path(found[0]).name in (Path(program).name, Path(program).name.removeprefix("prometheus-"))
    assert found[1:] == options
    told = dict(pair.split("=", 1) for pair in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE))
    assert told.keys() <= service.get("environment", {}).keys()


def test_http_push_is_published_where_the_page_says_and_listens_on_every_address(server: OneServer) -> None:
    [port] = compose_file({"ANLAN_ROOT": "", "ANLAN_HOST": "", "ANLAN_USER": ""})["services"]["run"]["ports"]
    page = (COMPOSE.parent / "README.md").read_text(encoding="utf-8")

    assert port == "8440:8440"
    assert "HTTP push is reached with `http_port = 8440`" in page
    assert load_settings(str(server.etc / "anlan.toml"), {}).http_address == "0.0.0.0"


def test_prometheus_and_alertmanager_are_found_by_the_names_of_the_containers(server: OneServer) -> None:
    text = (server.etc / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8")

    for target in ("run:9464", "serve:9465", "alertmanager:9093"):
        assert target in text
        assert target.split(":")[0] in SERVICES
    assert "127.0.0.1:94" not in text


def test_files_speak_of_the_paths_inside_the_container(server: OneServer) -> None:
    outside = "kafka-admin.properties"  # for whoever administers Kafka from here

    for path in server.etc.rglob("*"):
        if path.is_file() and path.name != outside:
            assert str(server.root) not in path.read_text(encoding="utf-8"), path
