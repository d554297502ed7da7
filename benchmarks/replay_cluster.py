"""One replay shared by several processes: `python -m benchmarks.replay_cluster TASK PROCESSES`.

Each writes what it saw into a file of its own: the name of the task's with its number behind it.
"""

from __future__ import annotations

import subprocess
import sys

import msgspec
from msgspec.structs import replace

from benchmarks.replay_run import Task
from connectors.child_server import free_ports


def shared(task: Task, processes: int) -> list[Task]:
    """What each process does."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(processes))
    return [
        replace(task, result=f"{task.result}.{number}", process=number, addresses=addresses)
        for number in range(processes)
    ]


def main(written: str, processes: int) -> int:
    """Start them all and wait for them; the greatest exit code."""
    tasks = shared(msgspec.json.decode(written, type=Task), processes)
    commands = [[sys.executable, "-m", "benchmarks.replay_run", msgspec.json.encode(each).decode()] for each in tasks]
    running = [subprocess.Popen(command) for command in commands]
    return max(process.wait() for process in running)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
