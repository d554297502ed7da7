"""What it costs when the work grows: more keys at the same rate, more rules, more processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from benchmarks.answers import AnswersDifferError, one_answer
from benchmarks.crowd import crowd
from benchmarks.histories import city_history, write_history
from benchmarks.measure import median_usage
from benchmarks.options import Options
from benchmarks.replay_run import Task
from benchmarks.replays import Measured, replayed_by
from benchmarks.report import Cell, Plot, Report
from benchmarks.rule_copies import original, rule_files

TITLE = "cost as the work grows"
RULES = Path(__file__).parent / "rules"  # three kinds, each keeps a person's day
A_DAY = {"small": 40_000, "full": 600_000}  # contacts
CALLS = (200, 100, 20, 10, 4, 2, 1)  # of one person in a day: 1x, 2x, 10x, 20x, 50x, 100x the people, and all new
CITY_DAYS = 10
CITY_EVENTS = {"small": 60_000, "full": 280_000}
RULE_COUNTS = (1, 2, 4, 8, 16, 32, 64)
PROCESSES = (1, 2)
MB = 1_000_000
PER_EVENT = "CPU µs an event"
COLUMNS = (
    "what grows",
    "size",
    "events",
    PER_EVENT,
    "x the size, from the last",
    "x the cost",
    "wall s",
    "peak RSS MB",
)


class Point(NamedTuple):
    """One size of what grows."""

    grows: str
    size: int
    label: str
    run: Callable[[], Measured]


class Found(NamedTuple):
    """What all runs of one size saw."""

    point: Point
    runs: list[Measured]

    def cost_us(self) -> float:
        """CPU microseconds of the flow for each event, decoding left out."""
        return median(1e6 * each.run.seconds("flow") / each.run.events for each in self.runs)


def run(options: Options) -> Report:
    """All sizes in turn, so that what else the machine does hits all alike; then what each of them said."""
    points = [*more_keys(options), *more_rules(options), *more_processes(options)]
    found = [Found(point, []) for point in points]
    for number in range(1, options.runs + 1):
        for point, runs in found:
            options.seen(f"{point.label}, run {number} of {options.runs}")
            runs.append(point.run())
    check_answers(found)
    return report(found)


def more_keys(options: Options) -> list[Point]:
    """A day to fill the state, and a day that counts; the same number of events is kept, under more keys."""
    a_day = A_DAY[options.size]
    points = []
    for calls in CALLS:
        people = a_day // calls
        path = options.scratch / f"crowd-of-{people}-{a_day}-a-day.jsonl"
        if not path.exists():
            options.seen(f"making {path.name}")
            write_history(path, crowd(people, 2 * a_day, a_day))
        task = Task(str(path), str(options.scratch / "growth-run.json"), (str(RULES),), warm_up=a_day)
        points.append(Point("keys", people, f"{people:,} people", partial(replayed_by, 1, task)))
    return points


def more_rules(options: Options) -> list[Point]:
    """The beginning of a simulated city under more and more rules."""
    task = _city_task(options)
    files = tuple(str(path) for path in rule_files(options.scratch / "rule-copies", RULE_COUNTS[-1]))
    return [
        Point("rules", count, f"{count} rules", partial(replayed_by, 1, _with_rules(task, files[:count])))
        for count in RULE_COUNTS
    ]


def more_processes(options: Options) -> list[Point]:
    """The same city under the shipped rules, shared by several processes."""
    task = _city_task(options)
    return [Point("processes", count, f"{count} processes", partial(replayed_by, count, task)) for count in PROCESSES]


def _city_task(options: Options) -> Task:
    history = city_history(options.scratch, CITY_DAYS, options.seen)
    return Task(str(history), str(options.scratch / "growth-run.json"), events=CITY_EVENTS[options.size])


def _with_rules(task: Task, rules: tuple[str, ...]) -> Task:
    return msgspec.structs.replace(task, rules=rules)


def check_answers(found: Sequence[Found]) -> None:
    """Runs of one size say the same, so do any processes, and so does a rule whatever stands beside it."""
    for point, runs in found:
        one_answer({f"{point.label}, run {number}": each.run.strong for number, each in enumerate(runs, 1)})
    one_answer({point.label: runs[0].run.strong for point, runs in found if point.grows == "processes"})
    for point, runs in found:
        if point.grows == "keys" and runs[0].run.revisions:
            raise AnswersDifferError(f"no rule must speak about a crowd; got {runs[0].run.revisions} ({point.label})")
    check_rules({point.label: runs[0].run.by_rule for point, runs in found if point.grows == "rules"})


def check_rules(said: Mapping[str, Mapping[str, str]]) -> None:
    """A rule and its copies say the same, alone or among others; raises `AnswersDifferError` where they do not."""
    by_rule: dict[str, dict[str, str]] = {}
    for label, digests in said.items():
        for rule, found in digests.items():
            by_rule.setdefault(original(rule), {})[f"{rule} of {label}"] = found
    for answers in by_rule.values():
        one_answer(answers)


def report(found: Sequence[Found]) -> Report:
    """A row for each size; the cost is compared with the size before it."""
    rows = [_row(each, before) for before, each in zip([None, *found], found, strict=False)]
    return Report(
        title=TITLE,
        columns=COLUMNS,
        rows=tuple(rows),
        notes=(
            f"keys: {found[0].runs[0].run.events:,} contacts a day, each kept for a day, under so many people; "
            "the second day counts; three rules and the link step",
            "keys: in the last row nobody calls twice within the day, so each contact makes a key and lets one go",
            "rules: the shipped ones kind by kind in turn, then copies under other ids; a simulated city",
            "processes: the shipped rules over the same city; CPU of all processes with start and decoding",
            "answers: equal in all runs, by any processes, and for each rule whatever stands beside it",
        ),
        plot=Plot("size", (PER_EVENT,)),
        details={each.point.label: [msgspec.to_builtins(one) for one in each.runs] for each in found},
    )


def _row(each: Found, before: Found | None) -> tuple[Cell, ...]:
    usage = median_usage([one.usage for one in each.runs])
    events = each.runs[0].run.events
    point = each.point
    is_shared = point.grows == "processes"
    cost = 1e6 * usage.cpu_seconds / events if is_shared else each.cost_us()
    grown = dearer = None
    if before is not None and before.point.grows == point.grows:
        grown = point.size / before.point.size
        earlier = median_usage([one.usage for one in before.runs])
        dearer = usage.cpu_seconds / earlier.cpu_seconds if is_shared else cost / before.cost_us()
    return (
        point.grows, point.size, events, cost, grown, dearer, usage.wall_seconds, round(usage.peak_rss_bytes / MB),
    )  # fmt: skip
