"""The pool as one county's user reads it: the embedded engine in a process of its own, under that user's rights.

The engine obeys the rights of a file of users and runs everything as its user `default`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from connectors.clickhouse_access import users_file

DATABASE = "anlan"
_HASH = hashlib.sha256(b"").hexdigest()  # the engine logs in without a password
_CONFIG = "<clickhouse><users_config>{users}</users_config></clickhouse>"
_USERS = "<clickhouse><profiles><default/></profiles><quotas><default/></quotas></clickhouse>"


class Answer(NamedTuple):
    """What came of a question: rows, or what the engine said instead."""

    rows: list[dict[str, Any]]
    error: str


def ask(folder: Path, county: str, questions: list[str], scratch: Path) -> list[Answer]:
    """What a county's user is told, question by question; nobody else may have the folder open."""
    return ask_as(users_file(county, "default", _HASH, DATABASE), folder, questions, scratch)


def ask_as(user: str, folder: Path, questions: list[str], scratch: Path) -> list[Answer]:
    """What the user `default` of a file of users is told."""
    (scratch / "users.d").mkdir(parents=True, exist_ok=True)
    (scratch / "users.xml").write_text(_USERS)
    (scratch / "users.d" / "county.xml").write_text(user)
    (scratch / "config.xml").write_text(_CONFIG.format(users=scratch / "users.xml"))
    program = [sys.executable, __file__, str(folder), str(scratch / "config.xml")]
    done = subprocess.run(program, input=json.dumps(questions), capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"the engine must answer; got {done.stderr[-2000:]}")
    return [Answer(rows, error) for rows, error in json.loads(done.stdout.splitlines()[-1])]


def _main(folder: str, config: str) -> None:
    import chdb.session

    session = chdb.session.Session(f"{folder}?config-file={config}")
    answers: list[tuple[list[Any], str]] = []
    for question in json.load(sys.stdin):
        try:
            said = str(session.query(question, "JSONEachRow"))
            answers.append(([json.loads(line) for line in said.splitlines()], ""))
        except Exception as error:  # what the engine raises is the answer
            answers.append(([], str(error)))
    print(json.dumps(answers))


if __name__ == "__main__":
    _main(*sys.argv[1:])
