"""A program's cost is that of its whole process tree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.measure import ProgramError, Usage, alternating, measured, median_usage

WORK = "import time\nwhile time.process_time() < {seconds}: pass"
IN_A_CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {program!r}], check=True)"
LEFT_BEHIND = (
    "import subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-c', {program!r}], start_new_session=True, stdout=subprocess.PIPE)\n"
    "child.stdout.readline()"
)
WORK_AND_STAY = WORK + "\nprint('worked', flush=True)\nimport signal; signal.pause()"


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(WORK.format(seconds=0.4), id="the program itself"),
        pytest.param(IN_A_CHILD.format(program=WORK.format(seconds=0.4)), id="a child"),
        pytest.param(IN_A_CHILD.format(program=IN_A_CHILD.format(program=WORK.format(seconds=0.4))), id="a grandchild"),
        pytest.param(LEFT_BEHIND.format(program=WORK_AND_STAY.format(seconds=0.4)), id="a child that stays behind"),
        pytest.param(
            IN_A_CHILD.format(program=LEFT_BEHIND.format(program=WORK_AND_STAY.format(seconds=0.4))), id="an orphan"
        ),
    ],
)
def test_the_work_of_every_process_counts(program: str) -> None:
    usage = measured(python(program))

    assert usage.cpu_seconds >= 0.4


def test_memory_is_that_of_all_processes_together() -> None:
    hold = "held = bytearray({megabytes} << 20)\nfor at in range(0, len(held), 4096): held[at] = 1\n"
    child = hold.format(megabytes=100) + "print('held', flush=True)\nimport sys; sys.stdin.read(1)"
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        + hold.format(megabytes=100)
        + "until = time.monotonic() + 0.3\nwhile time.monotonic() < until: pass"  # longer than between two looks
    )

    usage = measured(python(program))

    assert usage.peak_rss_bytes >= 200 << 20


def test_a_program_that_fails_says_what_it_said_last() -> None:
    with pytest.raises(ProgramError, match=r"(?s)program must end with 0; got 3 .*no such topic"):
        measured(python("import sys; print('no such topic', file=sys.stderr); sys.exit(3)"))


def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(ProgramError, match=r"program must be done in 0\.2 s; got no end"):
        measured(python("import signal; signal.pause()"), timeout=0.2)


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(ProgramError, match=r"(?s)program must start; got exit code 1 .*no-such-program"):
        measured(["/no-such-program"])


def test_a_program_gets_its_environment_and_folder(tmp_path: Path) -> None:
    measured(python("import os; open('said', 'w').write(os.environ['WORD'])"), env={"WORD": "安澜"}, cwd=tmp_path)

    assert (tmp_path / "said").read_text() == "安澜"


def test_programs_take_turns() -> None:
    ran: list[str] = []

    def program(name: str, usage: Usage) -> Usage:
        ran.append(name)
        return usage

    found = alternating(
        {"a": lambda: program("a", Usage(1, 1, 1)), "b": lambda: program("b", Usage(2, 2, 2))}, 2, lambda _: None
    )

    assert ran == ["a", "b", "a", "b"]
    assert found == {"a": [Usage(1, 1, 1)] * 2, "b": [Usage(2, 2, 2)] * 2}


def test_each_figure_has_its_own_median() -> None:
    usages = [Usage(1.0, 30.0, 200), Usage(3.0, 10.0, 100), Usage(2.0, 20.0, 300)]

    assert median_usage(usages) == Usage(2.0, 20.0, 200)
