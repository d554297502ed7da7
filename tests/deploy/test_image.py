"""Our image: what is copied into it is whole, and it starts our command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from one_server import ROOT

CONTAINERFILE = ROOT / "deploy" / "Containerfile"
TEXT = CONTAINERFILE.read_text(encoding="utf-8")
COPIED = [source for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE) for source in line.split()[:-1]]
PACKAGES = ("alerts", "connectors", "dataflows", "dashboards")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build sees."""
    folder = tmp_path_factory.mktemp("image")
    without = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=without)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def installed(source: Path) -> Path:
    """Our packages as the image has them."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    target = source / "installed"
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    return target


def test_the_linter_has_nothing_to_say() -> None:
    said = subprocess.run(["hadolint", CONTAINERFILE], capture_output=True, text=True, check=False, env=with_programs())

    assert said.stdout + said.stderr == ""


def with_programs() -> dict[str, str]:
    """The environment with the programs of our own virtual environment in the path."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_nothing_that_is_copied_is_kept_out_of_the_build() -> None:
    let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(let_in) == sorted(COPIED)


def test_every_file_of_a_package_is_in_the_image(installed: Path) -> None:
    def files(root: Path) -> set[str]:
        found = {path.relative_to(root) for name in PACKAGES for path in (root / name).rglob("*") if path.is_file()}
        return {str(path) for path in found if not {"__pycache__", "node_modules"} & set(path.parts)}

    sources_of_the_board = {name for name in files(ROOT) if name.startswith("dashboards/board/")}

    assert files(ROOT) - files(installed) == sources_of_the_board


def test_the_command_of_the_image_is_ours(installed: Path) -> None:
    [command] = re.findall(r'^ENTRYPOINT \["(\w+)"\]$', TEXT, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    said = subprocess.run(
        [installed / "bin" / command, "--version"], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )  # fmt: skip
    assert said.stdout == f"anlan, version {project['version']}\n"


def test_the_image_is_named_after_this_version_and_has_a_python_that_we_run_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [version] = set(re.findall(r"^FROM python:(\d+\.\d+)\.", TEXT, re.MULTILINE))

    assert f"image: anlan:{project['version']}\n" in (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    assert version == "3.11", "the lock is made for it"
    assert "--python-version 3.11" in (ROOT / "Makefile").read_text(encoding="utf-8")
    [user] = re.findall(r"^USER ([1-9]\d*:\d+)$", TEXT, re.MULTILINE)
    assert f"chown -R {user} " in (ROOT / "deploy" / "server" / "install.sh").read_text(encoding="utf-8")
