"""The set of deploy/server as a person puts it on a machine, in a folder and on ports of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools import need

from connectors.apache_kafka import jars
from connectors.child_server import free_ports

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "deploy" / "server"
UNITS = SERVER / "systemd"
PORTS = (6379, 8090, 8123, 8443, 9090, 9092, 9093, 9094, 9440, 9464, 9465)  # every port that the set listens on
VALKEY = "/usr/bin/valkey-server"


class OneServer:
    """An installation below a folder: our programs are those of the tests, the servers those of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc = root / "etc" / "anlan"
        self.ports: dict[int, int] = {}
        self.token = ""
        programs = root / "opt" / "anlan"
        programs.mkdir(parents=True)
        for part in Path(sys.prefix).iterdir():
            (programs / part.name).symlink_to(part)

    def install(self, *options: str) -> str:
        """Run `install.sh`; what it says."""
        command = [SERVER / "install.sh", "--root", self.root, "--host", "localhost", *options]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment()).stdout

    def environment(self) -> dict[str, str]:
        """The code that is tested is this one, wherever its programs are."""
        return {**os.environ, "PYTHONPATH": str(ROOT)}

    def bring_servers(self) -> None:
        """Kafka where the installation looks for it; Valkey as it is called on this machine."""
        (self.root / "opt" / "kafka").mkdir()
        (self.root / "opt" / "kafka" / "libs").symlink_to(jars())
        programs = self.etc / "programs.conf"
        programs.write_text(programs.read_text().replace(VALKEY, valkey_program()))

    def move_ports(self) -> None:
        """Every port becomes a free one, in every file that names it."""
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        named = re.compile(rf"\b({'|'.join(map(str, PORTS))})\b")
        for file in [*self.etc.glob("*.*"), *(self.etc / "prometheus").glob("*.yaml")]:
            text = file.read_text(encoding="utf-8")
            file.write_text(named.sub(lambda found: str(self.ports[int(found[0])]), text), encoding="utf-8")

    def run(self, program: str, *arguments: str, **environment: str) -> str:
        """Run a program of the installation; what it says."""
        command = [self.root / "opt" / "anlan" / "bin" / program, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=120, env=self.environment() | environment
        ).stdout

    def supervise(self, *words: str) -> str:
        """`supervisorctl` on this installation."""
        return self.run("supervisorctl", "-c", str(self.etc / "supervisord.conf"), *words)

    def log(self, part: str) -> str:
        """What a part has said."""
        return (self.root / "var" / "lib" / "anlan" / "log" / f"{part}.log").read_text(encoding="utf-8")


def valkey_program() -> str:
    """Valkey as it is called on this machine."""
    return shutil.which("valkey-server") or need("redis-server", "Debian has it: apt-get install redis-server")


def installed(root: Path, *options: str) -> OneServer:
    """An installation that is not started."""
    found = OneServer(root)
    found.install(*options)
    return found
