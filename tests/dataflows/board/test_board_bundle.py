"""The bundle that is served is what the sources build, and their own tests pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest
from tools import need

from dataflows.api.page import FOLDER

SOURCES = Path(__file__).parents[3] / "dashboards" / "board"

NODE, HINT = (20, 19), "get Node.js 20.19 or later with npm"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with their packages: those that are there, or a fresh set of what the lock file names."""
    npm = need("npm", HINT)
    node = subprocess.run([need("node", HINT), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, node.removeprefix("v").split(".")))[:2] < NODE:
        skip_or_fail(f"node must be 20.19 or later; got {node}; {HINT}")
    copy = tmp_path_factory.mktemp("sources") / "dashboards" / "board"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules"))
    if _is_installed():
        (copy / "node_modules").symlink_to(SOURCES / "node_modules")
        return copy
    found = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=copy, capture_output=True, text=True, check=False
    )
    if found.returncode:
        skip_or_fail(f"the packages of the board must be there; got {found.stderr[-300:]}; run `npm ci` in {SOURCES}")
    return copy


def skip_or_fail(sentence: str) -> NoReturn:
    """What is missing is a failure where every tool is asked for."""
    if os.environ.get("ANLAN_REQUIRE_TOOLS") == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)


def _is_installed() -> bool:
    """Whether what is installed is what the lock file names."""
    installed = SOURCES / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (SOURCES / "package-lock.json").stat().st_mtime


def run(sources: Path, script: str) -> str:
    command = [need("npm", HINT), "run", "--silent", script]
    found = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_the_committed_bundle_is_what_the_sources_build(sources: Path) -> None:
    run(sources, "build")

    assert files(sources.parents[1] / "dataflows" / "api" / "board") == files(FOLDER), "run `npm run build`"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_sources_pass_their_own_tests(sources: Path) -> None:
    run(sources, "test")


def test_the_lock_file_names_no_registry() -> None:
    lock = (SOURCES / "package-lock.json").read_text(encoding="utf-8")

    assert '"integrity"' in lock
    assert '"resolved"' not in lock
    assert "registry" not in lock


def test_nothing_in_the_bundle_asks_the_internet() -> None:
    bundle = (FOLDER / "assets" / "board.js").read_text(encoding="utf-8")
    style = (FOLDER / "assets" / "index.css").read_text(encoding="utf-8")

    known = {"www.w3.org", "vuejs.org", "github.com", "echarts.apache.org"}  # names of formats, and links in messages
    assert set(re.findall(r"https?://([\w.-]+\.\w+)", bundle)) <= known
    assert "url(" not in style
    assert "eval(" not in bundle
    assert "new Function" not in bundle
