"""The table of job R says what was measured, and says so when something was not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.measure import Usage
from benchmarks.reference.compare import Difference
from benchmarks.reference.environments import REQUIREMENTS, NotInstalledError, environment, run_or_refuse
from benchmarks.reference.generate import data_set
from benchmarks.reference.job import report
from benchmarks.reference.place import Command, Place
from benchmarks.reference.programs import ANLAN, ANLAN_TWO, CSP, FLINK, FLOOR, PROGRAMS, REFERENCE, Program, module
from benchmarks.reference.race import Course, Outcome, once, race

PINNED = re.compile(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*")


def usage(cpu: float, wall: float = 1.0) -> Usage:
    return Usage(cpu, wall, 10_000_000)


def outcome(program: Program, *cpu: float, missing: tuple[str, ...] = (), wall: float = 1.0) -> Outcome:
    differences = tuple(Difference(output, 3, missing if output == "o1" else (), ()) for output in program.outputs)
    return Outcome(program, 1_000, tuple(usage(each, wall) for each in cpu), differences)


def test_speed_is_given_beside_that_of_the_plain_loop() -> None:
    found = report([outcome(REFERENCE, 2.0, 4.0, 3.0), outcome(ANLAN, 1.0, 0.5, 1.5)], [])

    assert found.column("program") == ("Anlan", "plain loop")
    assert found.column("events per CPU second") == (1_000, 333)
    assert found.column("× plain") == (3.0, 1.0)


def test_a_program_that_is_not_exact_says_how_far_off_it_is() -> None:
    found = report([outcome(REFERENCE, 1.0), outcome(CSP, 2.0, missing=("row",))], [])

    assert found.column("exact") == ("yes", "O1 75.0 %")


def test_a_program_that_lacks_an_output_says_which() -> None:
    batch = Program("batch", module("none"), outputs=("o1", "o3"))

    found = report([outcome(REFERENCE, 1.0), outcome(batch, 2.0)], [])

    assert found.column("exact") == ("yes", "no O2")


def test_a_program_without_a_time_has_a_row_that_says_why() -> None:
    found = report([outcome(REFERENCE, 1.0), Outcome(ANLAN, 1_000, problem="not built")], [])

    assert found.rows[-1] == ("Anlan", "not built", None, None, None, None, None, 1_000)


def test_slow_programs_are_held_against_the_plain_loop_on_their_own_events() -> None:
    slow = Program("slow", module("none"), is_slow=True)

    found = report([outcome(REFERENCE, 10.0)], [outcome(REFERENCE, 1.0), outcome(slow, 4.0)])

    assert found.column("× plain") == (1.0, 0.25)


def test_the_notes_say_how_the_product_stands() -> None:
    fast = [outcome(REFERENCE, 4.0), outcome(ANLAN, 1.0), outcome(CSP, 5.0), outcome(FLINK, 6.0), outcome(FLOOR, 0.25)]

    found = report([*fast, outcome(ANLAN_TWO, 1.2, wall=0.5)], [])

    assert "Anlan does 4.00 times what the plain loop does in a CPU second." in found.notes
    assert "Anlan does 5.00 times what csp, the best streaming peer, does." in found.notes
    assert "Anlan reaches 25% of the compiled floor." in found.notes
    assert "Anlan in two processes is 2.00 times as fast, by the clock, as in one over 1,000 events." in found.notes


def test_two_processes_stand_beside_one_over_more_events_too() -> None:
    longer = [outcome(REFERENCE, 20.0), outcome(ANLAN, 5.0, wall=5.0), outcome(ANLAN_TWO, 6.0, wall=2.5)]

    found = report([outcome(REFERENCE, 4.0)], [], [each._replace(events=5_000) for each in longer])

    assert found.column("program") == (
        "plain loop",
        "Anlan, longer",
        "Anlan, 2 processes, longer",
        "plain loop, longer",
    )
    assert found.column("× plain") == (1.0, 4.0, 20 / 6, 1.0)
    assert found.notes[-1] == "Anlan in two processes is 2.00 times as fast, by the clock, as in one over 5,000 events."


def test_nothing_is_said_of_a_product_whose_answers_are_wrong() -> None:
    found = report([outcome(REFERENCE, 4.0), outcome(ANLAN, 1.0, missing=("row",))], [])

    assert not any(note.startswith("Anlan") for note in found.notes)


@pytest.fixture
def on(tmp_path: Path) -> Course:
    return Course("tiny", Place(data_set("tiny", tmp_path), tmp_path), tmp_path / "answers", lambda what: None)


def script(name: str, text: str) -> Program:
    """A program of a few lines of Python; `data` and `out` are there."""

    @contextmanager
    def ready(place: Place) -> Iterator[Command]:
        yield lambda out: [sys.executable, "-c", f"data, out = {str(place.data)!r}, {str(out)!r}\n{text}"]

    return Program(name, ready)


def test_a_race_compares_what_it_times(on: Course) -> None:
    same = script("same", "from benchmarks.reference.plain import main; main(data, out)")
    empty = script("empty", "pass")
    broken = script("broken", "raise SystemExit('no memory left')")
    absent = Program("absent", module("benchmarks.reference.nothing_of_this_name"))

    found = {each.program.name: each for each in race([REFERENCE, same, empty, broken, absent], on, 2)}

    assert found["same"].is_exact
    assert len(found["same"].usages) == 2
    assert [each.share for each in found["empty"].differences] == [0, 0, 0]
    assert found["broken"].problem.endswith("no memory left")
    assert found["absent"].problem == "not built"
    assert not found["absent"].usages


def test_the_worst_run_decides_whether_the_answers_are_right(on: Course) -> None:
    sometimes = script(
        "sometimes",
        "from pathlib import Path\nfrom benchmarks.reference.plain import main\n"
        "runs = Path(out).parent / 'runs'\nruns.open('a').write('.')\n"
        "if len(runs.read_text()) != 2: main(data, out)",
    )

    found = race([REFERENCE, sometimes], on, 2)

    assert not found[1].is_exact


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.txt").write_text("no such requirement ==\n")
    monkeypatch.setattr("benchmarks.reference.environments.REQUIREMENTS", tmp_path)

    with pytest.raises(NotInstalledError, match=r"`odd` must be installed; got from .*[Ii]nvalid requirement"):
        environment("odd", tmp_path)


def test_a_command_that_is_not_there_says_so() -> None:
    with pytest.raises(NotInstalledError, match=r"`flink` must find `no-such-compiler`; got nothing of that name"):
        run_or_refuse("flink", "no-such-compiler", "--version")


@pytest.mark.parametrize("wanted", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_package_of_a_peer_is_pinned(wanted: Path) -> None:
    """A peer's figure is that of a version, and what it needs is installed without asking for more."""
    assert all(PINNED.fullmatch(line) for line in wanted.read_text().splitlines())


@pytest.mark.parametrize("name", ["Bytewax by caller", "Bytewax stock windows"])
def test_the_programs_on_our_own_engine_run_and_count_right(on: Course, name: str) -> None:
    program = next(each for each in PROGRAMS if each.name == name)

    found = once([REFERENCE, program], on)[1]

    assert found.problem == ""
    assert [each.is_exact for each in found.differences if each.output == "o3"] == [True]
