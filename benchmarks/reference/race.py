"""Programs of job R in turn on the same events; a time counts only beside what the answers were."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import ProgramError, Usage, alternating, measured, median_usage
from benchmarks.reference.compare import Difference, difference
from benchmarks.reference.environments import NotInstalledError
from benchmarks.reference.generate import DATA_SETS, data_set
from benchmarks.reference.place import Command, Place
from benchmarks.reference.programs import REFERENCE, ROOT, Program

LAST_WORDS = 200  # characters of why a program has no time


class Outcome(NamedTuple):
    """What came of one program."""

    program: Program
    events: int
    usages: tuple[Usage, ...] = ()
    differences: tuple[Difference, ...] = ()  # of each output in the run that was furthest off
    problem: str = ""  # why there are no usages

    @property
    def speed(self) -> float | None:
        """Events per CPU second."""
        return self.events / median_usage(self.usages).cpu_seconds if self.usages else None

    @property
    def is_exact(self) -> bool:
        """All of its outputs are right; it need not have all of them."""
        return bool(self.usages) and all(each.is_exact for each in self.differences)


class Course(NamedTuple):
    """The events, where everybody's answers go, and who is told what goes on."""

    name: str
    place: Place
    answers: Path
    seen: Callable[[str], None]

    @property
    def events(self) -> int:
        return DATA_SETS[self.name].events


def course(name: str, scratch: Path, seen: Callable[[str], None]) -> Course:
    """The events of that name, made if need be."""
    seen(f"events: {name}")
    return Course(name, Place(data_set(name, scratch / "data"), scratch), scratch / "answers" / name, seen)


def race(programs: Sequence[Program], on: Course, runs: int) -> list[Outcome]:
    """Run each once uncounted, so that files are cached and a broken one drops out, then `runs` times in turn."""
    with _ready(programs, on) as ready:
        found = {each.name: _tried(each, ready[each.name], on) for each in programs}
        worst = {name: outcome.differences for name, outcome in found.items()}

        def counted(program: Program) -> Usage:
            usage, differences = _run(program, ready[program.name], on)
            worst[program.name] = max(worst[program.name], differences, key=_off)
            return usage

        racing = {name: partial(counted, outcome.program) for name, outcome in found.items() if outcome.usages}
        usages = alternating(racing, runs, on.seen)
    return [
        outcome._replace(usages=tuple(usages.get(name, ())), differences=worst[name]) for name, outcome in found.items()
    ]


def once(programs: Sequence[Program], on: Course) -> list[Outcome]:
    """Run each once, and count it: for programs that take minutes."""
    with _ready(programs, on) as ready:
        return [_tried(each, ready[each.name], on) for each in programs]


@contextmanager
def _ready(programs: Sequence[Program], on: Course) -> Iterator[dict[str, Command]]:
    """The command of each program; what they need is held until the end."""
    commands: dict[str, Command] = {}
    with ExitStack() as held:
        for program in programs:
            on.seen(f"{program.name}: making ready")
            try:
                commands[program.name] = held.enter_context(program.ready(on.place))
            except NotInstalledError as why:
                commands[program.name] = partial(_refuse, str(why))
        yield commands


def _refuse(why: str, out: Path) -> list[str]:
    raise NotInstalledError(why)


def _tried(program: Program, command: Command, on: Course) -> Outcome:
    """The first run. The plain loop's must not fail: without it there is nothing to compare with."""
    on.seen(f"{program.name}: first run")
    try:
        usage, differences = _run(program, command, on)
    except NotInstalledError as why:
        return Outcome(program, on.events, problem=str(why))
    except ProgramError as failure:
        if program is REFERENCE:
            raise
        return Outcome(program, on.events, problem=f"failed: {str(failure)[-LAST_WORDS:]}")
    return Outcome(program, on.events, (usage,), differences)


def _run(program: Program, command: Command, on: Course) -> tuple[Usage, tuple[Difference, ...]]:
    out = _answers(program, on)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    usage = measured(command(out), env={"PYTHONPATH": str(ROOT)}, cwd=out)
    if program.settle is not None:
        program.settle(out)
    return usage, tuple(difference(each, _answers(REFERENCE, on), out) for each in program.outputs)


def _answers(program: Program, on: Course) -> Path:
    return on.answers / re.sub(r"\W+", "-", program.name.lower())


def _off(differences: Sequence[Difference]) -> float:
    return sum(1 - each.share for each in differences)
