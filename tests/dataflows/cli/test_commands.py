"""The command line as a whole: its commands are all there, and none pays for another."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from dataflows.cli import COMMANDS, main

CONTEXT = click.Context(main)


def test_the_commands_are_there_without_a_thread() -> None:
    """A thread that a library starts when it is imported would take the signals that end a flow in order."""
    code = "import os; from dataflows.cli import COMMANDS, main; [main.get_command(None, name) for name in COMMANDS];"
    code += "print(len(os.listdir('/proc/self/task')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert found.stdout == "1\n"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_is_what_it_is_called_and_says_what_it_does(name: str) -> None:
    command = main.get_command(CONTEXT, name)

    assert command is not None
    assert command.name == name
    assert command.help


def test_the_help_lists_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout.split("Commands:")[1]

    assert [line.split()[0] for line in shown.strip().splitlines()] == sorted(COMMANDS)


def test_a_command_imports_no_other() -> None:
    asked = "import sys; from dataflows.cli import main; main(['run', '--help'], standalone_mode=False);"
    asked += "print(*(name for name in sys.modules if name.startswith('dataflows.cli')), file=sys.stderr)"

    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert set(said.stderr.split()) == {"dataflows.cli", "dataflows.cli.run"}


def test_a_command_that_is_not_there_is_wrong_usage() -> None:
    answer = CliRunner().invoke(main, ["runn"])

    assert answer.exit_code == 2
    assert "No such command 'runn'" in answer.stderr
