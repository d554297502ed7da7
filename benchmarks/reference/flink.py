"""Flink needs its jars, a Java compiler and the programs of `peers/flink` compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.reference.environments import environment, run_or_refuse
from benchmarks.reference.place import Command, Place, Ready

SOURCES = Path(__file__).parent / "peers" / "flink"
OPENED = ("java.util", "java.lang", "java.time")  # Flink's serializers look into them
MEMORY = "-Xmx6g"


def flink(program: str, *arguments: str) -> Ready:
    """A Java program of `peers/flink` that takes DATA, OUT and `arguments`."""

    @contextmanager
    def ready(place: Place) -> Iterator[Command]:
        jars = _jars(environment("flink", place.scratch))
        classes = place.scratch / "environments" / "flink-classes"
        sources = map(str, sorted(SOURCES.glob("*.java")))
        run_or_refuse("flink", "javac", "-nowarn", "-cp", jars, "-d", str(classes), *sources)
        java = [
            "java", MEMORY, *(f"--add-opens=java.base/{each}=ALL-UNNAMED" for each in OPENED),
            f"-Dlog4j.configurationFile={SOURCES / 'log4j2.properties'}", "-cp", f"{jars}:{classes}", program,
        ]  # fmt: skip
        yield lambda out: [*java, str(place.data), str(out), *arguments]

    return ready


def _jars(python: Path) -> str:
    (libraries,) = python.parents[1].glob("lib/python3*/site-packages/pyflink/lib")
    return ":".join(map(str, sorted(libraries.glob("*.jar"))))
