"""A virtual environment for each peer, from pinned packages: `python -m benchmarks.reference.environments NAME`.

A peer's packages never meet the product's. `requirements/NAME.txt` holds all of them, those that others need included.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
LAST_WORDS = 300  # characters of what a failed command has said


class NotInstalledError(Exception):
    """A peer cannot be run on this machine."""


def environment(name: str, scratch: Path) -> Path:
    """The Python of a peer's environment, which is made when it is not there or its packages have changed.

    Raises `NotInstalledError` when it cannot be made, with the last words of the command that failed.
    """
    wanted, folder = REQUIREMENTS / f"{name}.txt", scratch / "environments" / name
    made_from, python = folder / "made-from.txt", folder / "bin" / "python"
    if made_from.exists() and made_from.read_bytes() == wanted.read_bytes():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    run_or_refuse(name, sys.executable, "-m", "venv", str(folder))
    run_or_refuse(
        name, str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--requirement", str(wanted),
    )  # fmt: skip
    shutil.copy(wanted, made_from)
    return python


def run_or_refuse(name: str, *command: str) -> str:
    """Run a command that a peer needs and return what it says; `NotInstalledError` when it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as absent:
        raise NotInstalledError(f"`{name}` must find `{command[0]}`; got nothing of that name") from absent
    if done.returncode:
        last_words = (done.stderr or done.stdout).strip()[-LAST_WORDS:]
        raise NotInstalledError(f"`{name}` must be installed; got from `{' '.join(command)}`: {last_words}")
    return done.stdout.strip()


def main(*names: str) -> None:
    """Make the environments of these peers, below `data/benchmarks`; of all peers when none is named."""
    for name in names or sorted(each.stem for each in REQUIREMENTS.glob("*.txt")):
        print(environment(name, Path("data/benchmarks").resolve()))


if __name__ == "__main__":
    main(*sys.argv[1:])
