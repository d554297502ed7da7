"""Apache Kafka as a child process, for tests and benchmarks: one node, its data on disk, from Maven Central."""

from __future__ import annotations

import base64
import functools
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from connectors.child_server import HOST, ChildServer, PartError, free_port
from connectors.kafka_client import cluster_id

VERSION = "3.9.1"
SCALA = "2.13"
FETCH_SECONDS = 300.0

# a virtual machine that starts in seconds and stays small
_SMALL = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>anlan</groupId><artifactId>apache-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_{scala}</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""
# a short session: after a kill the node must not wait long for the death of its own former life
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
{more}
"""


class ApacheKafka(ChildServer):
    """One node that is broker and controller (KRaft); a stop, a kill and a start keep port and data."""

    name = "apache-kafka"
    start_seconds = 60.0
    machine: ClassVar[tuple[str, ...]] = _SMALL  # options of the virtual machine that the broker runs in

    def __init__(self, folder: Path | str, port: int | None = None, more: dict[str, str] | None = None) -> None:
        """`more` are settings of the broker besides ours, as `server.properties` has them."""
        super().__init__(folder, port)
        self._more = more or {}
        # by the folder, so that another life on the same data is the same cluster
        identity = uuid.uuid5(uuid.NAMESPACE_URL, str(self.folder))
        self._cluster = base64.urlsafe_b64encode(identity.bytes).decode().rstrip("=")
        self._controller_port: int | None = None
        self._data = self.folder / "data"

    @staticmethod
    def missing() -> str:
        """Why it cannot be started here, in one sentence; empty where it can."""
        return _missing()

    @property
    def bootstrap(self) -> str:
        """What a Kafka client calls `bootstrap.servers`."""
        return self.address

    def _command(self, port: int) -> list[str]:
        self._controller_port = self._controller_port or free_port()
        settings = self.folder / "server.properties"
        more = "\n".join(f"{name}={value}" for name, value in self._settings(port).items())
        place = {"host": HOST, "port": port, "controller": self._controller_port, "data": self._data}
        settings.write_text(_SETTINGS.format(**place, more=more))
        if not (self._data / "meta.properties").exists():
            self._format(settings)
        return [*_java(self.machine), "kafka.Kafka", str(settings)]

    def _settings(self, port: int) -> dict[str, str]:
        """Settings besides ours; of two of one name the broker takes the later one."""
        return self._more

    def _format(self, settings: Path) -> None:
        program = [*_java(), "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*program, f"--cluster-id={self._cluster}", "-c", str(settings)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PartError(f"storage of {self.name} must be formatted; got `{done.stderr[-400:]}` ({self._data})")

    def run(self, program: str, *arguments: str) -> str:
        """What one of Kafka's own tools says, given by its class: `kafka.admin.AclCommand`.

        Raises `PartError` with the tool's last words where it fails.
        """
        done = subprocess.run([*_java(), program, *arguments], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise PartError(f"`{program}` must succeed; got `{(done.stdout + done.stderr)[-400:]}`")
        return done.stdout

    def _is_ready(self, port: int) -> bool:
        # the cluster id tells our broker from another that took the port first
        return self.is_running() and cluster_id(f"{HOST}:{port}", seconds=1.0) == self._cluster


def _java(machine: Sequence[str] = _SMALL) -> list[str]:
    return ["java", *machine, "-cp", f"{jars()}/*"]


def jars() -> Path:
    """The folder of Kafka's programs, which it fetches where they are not there yet; this may take minutes.

    Raises `PartError` where they cannot be had or not be run here.
    """
    if why := _missing():
        raise PartError(why)
    return _folder()


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "anlan" / f"kafka-and-tools-{VERSION}"


@functools.cache
def _missing() -> str:
    if shutil.which("java") is None:
        return "Apache Kafka needs `java`; got none in the path"
    if _folder().is_dir():
        return ""
    if shutil.which("mvn") is None:
        return f"Apache Kafka needs `mvn` to fetch its programs; got none in the path, and nothing in {_folder()}"
    return _fetch()


def _fetch() -> str:
    """Fetch the programs into the cache, whole or not at all; says why not."""
    found = _folder()
    found.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=found.parent) as folder:
        (Path(folder) / "pom.xml").write_text(_POM.format(scala=SCALA, version=VERSION))
        copy = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
        try:
            done = subprocess.run(copy, cwd=folder, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS)
        except subprocess.TimeoutExpired:
            return f"Apache Kafka must be fetched within {FETCH_SECONDS:g} s; got no answer from Maven Central"
        if done.returncode:
            return f"Apache Kafka must be fetched from Maven Central; got `{done.stdout.strip()[-300:]}`"
        if not found.exists():
            (Path(folder) / "jars").rename(found)
    return ""
