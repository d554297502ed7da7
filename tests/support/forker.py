"""Starts a program again and again without waiting for its imports: forks of one process that has made them already.

Run as a program it is that process: an order a line comes in, the answer is a number.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any


class Forker:
    """The process that forks; what it started ends with it."""

    def __init__(self, *modules: str) -> None:
        """`modules` are those that the programs import."""
        command = [sys.executable, __file__, *modules]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, program: Path, environment: dict[str, str], out: Path) -> int:
        """Run a program in its own folder with nothing but this environment; its number."""
        return self._order(program=str(program), environment=environment, out=str(out))

    def kill(self, number: int) -> None:
        """Kill a program without warning, and wait until it is gone."""
        self._order(kill=number)

    def close(self) -> None:
        """Kill whatever still runs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def _order(self, **order: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def serve(modules: list[str]) -> None:
    """Follow orders until there are none; then end what was started."""
    for name in modules:
        importlib.import_module(name)
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if number := order.get("kill"):
            _end(number)
            running.remove(number)
        else:
            number = os.fork() or _become(**order)
            running.add(number)
        print(number, flush=True)
    for number in running:
        _end(number)


def _end(number: int) -> None:
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


def _become(program: str, environment: dict[str, str], out: str) -> int:
    """In the fork: be the program, and nothing after it."""
    told = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, told), (2, told)):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(Path(program).parent)
    sys.path[0], sys.argv = os.getcwd(), [program]
    try:
        runpy.run_path(program, run_name="__main__")
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1:])
