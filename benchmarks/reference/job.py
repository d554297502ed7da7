"""Job R in the product, in a plain loop and in every peer, side by side: `python -m benchmarks reference`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.measure import median_usage
from benchmarks.options import Options
from benchmarks.reference.definition import OUTPUTS
from benchmarks.reference.programs import ANLAN, ANLAN_TWO, FLOOR, PROGRAMS, REFERENCE, STREAMING_PEERS, Program
from benchmarks.reference.race import Outcome, course, once, race
from benchmarks.report import Cell, Plot, Report

TITLE = "Reference job R"
RATIO = "× plain"
COLUMNS = ("program", "exact", "events per CPU second", RATIO, "CPU s", "wall s", "peak MB", "events")
DATA_SET = {"small": "tenth", "full": "full"}
LONGER_DATA_SET = {"full": "long"}  # for one process beside two: what a run costs once weighs less
SLOW_DATA_SET = "tenth"
NOTES = (
    "CPU seconds are user and system of all processes, start-up included; medians of alternating runs.",
    "Exact: the set of full rows equals the plain loop's; otherwise how many of all rows both have.",
    "× plain: events per CPU second beside those of the plain loop on the same events.",
    "Where a peer reads Kafka, neither the broker nor filling it is counted.",
)


def run(options: Options) -> Report:
    """Measure the fast programs in turn; the slow ones once, and only when they are asked for."""
    on = course(DATA_SET[options.size], options.scratch, options.seen)
    found = race([each for each in PROGRAMS if not each.is_slow], on, options.runs)
    longer_found: list[Outcome] = []
    if options.size in LONGER_DATA_SET:
        longer_on = course(LONGER_DATA_SET[options.size], options.scratch, options.seen)
        longer_found = [*once([REFERENCE], longer_on), *race([ANLAN, ANLAN_TWO], longer_on, options.runs)]
    slow_found: list[Outcome] = []
    if options.with_slow:
        slowly_on = course(SLOW_DATA_SET, options.scratch, options.seen)
        slow_found = once([REFERENCE, *(each for each in PROGRAMS if each.is_slow)], slowly_on)
    return report(found, slow_found, longer_found)


def report(found: Sequence[Outcome], slow_found: Sequence[Outcome], longer_found: Sequence[Outcome] = ()) -> Report:
    """One table of all; in each the plain loop comes first."""
    return Report(
        title=f"{TITLE}, {found[0].events:,} events",
        columns=COLUMNS,
        rows=(*_rows(found), *_rows(_named_longer(longer_found)), *_rows(slow_found, but=REFERENCE)),
        notes=(*NOTES, *_conclusions(found), *_two_beside_one(found), *_two_beside_one(longer_found)),
        plot=Plot("program", (RATIO,)),
        details={"runs": [_details(each) for each in (*found, *longer_found, *slow_found)]},
    )


def _named_longer(found: Sequence[Outcome]) -> list[Outcome]:
    return [each._replace(program=each.program._replace(name=f"{each.program.name}, longer")) for each in found]


def _rows(found: Sequence[Outcome], but: Program | None = None) -> list[tuple[Cell, ...]]:
    """The fastest first, those without a time last."""
    shown = [each for each in found if each.program is not but]
    return [_row(each, found[0].speed) for each in sorted(shown, key=lambda each: -(each.speed or 0))]


def _row(outcome: Outcome, plain: float | None) -> tuple[Cell, ...]:
    if outcome.speed is None or plain is None:
        return (outcome.program.name, outcome.problem, *[None] * 5, outcome.events)
    usage = median_usage(outcome.usages)
    return (
        outcome.program.name, _exactness(outcome), round(outcome.speed), outcome.speed / plain, usage.cpu_seconds,
        usage.wall_seconds, round(usage.peak_rss_bytes / 1e6), outcome.events,
    )  # fmt: skip


def _exactness(outcome: Outcome) -> str:
    """`yes`, or what is not: `O1 99.6 %, no O2`."""
    off = [f"{each.output.upper()} {_percent(each.share)}" for each in outcome.differences if not each.is_exact]
    absent = [f"no {output.upper()}" for output in OUTPUTS if output not in outcome.program.outputs]
    return ", ".join(off + absent) or "yes"


def _percent(share: float) -> str:
    return f"{min(share, 0.999):.1%}".replace("%", " %")  # what is not exact is never 100 %


def _conclusions(found: Sequence[Outcome]) -> Iterator[str]:
    """How the product stands to the plain loop, the best streaming peer and the floor."""
    speeds = {each.program: each.speed for each in found if each.speed}
    exact = {each.program: each for each in found if each.is_exact}
    if ANLAN not in exact:
        return
    yield f"Anlan does {speeds[ANLAN] / speeds[REFERENCE]:.2f} times what the plain loop does in a CPU second."
    if peers := [each for each in STREAMING_PEERS if each in speeds]:
        best = max(peers, key=speeds.__getitem__)
        yield f"Anlan does {speeds[ANLAN] / speeds[best]:.2f} times what {best.name}, the best streaming peer, does."
    if FLOOR in exact:
        yield f"Anlan reaches {speeds[ANLAN] / speeds[FLOOR]:.0%} of the compiled floor."


def _two_beside_one(found: Sequence[Outcome]) -> Iterator[str]:
    """What a second process brings."""
    exact = {each.program: each for each in found if each.is_exact}
    if ANLAN in exact and ANLAN_TWO in exact:
        one, two = (median_usage(exact[each].usages).wall_seconds for each in (ANLAN, ANLAN_TWO))
        events = f"{exact[ANLAN].events:,} events"
        yield f"Anlan in two processes is {one / two:.2f} times as fast, by the clock, as in one over {events}."


def _details(outcome: Outcome) -> dict[str, Any]:
    return {
        "program": outcome.program.name,
        "events": outcome.events,
        "problem": outcome.problem,
        "runs": [usage._asdict() for usage in outcome.usages],
        "differences": [
            {"output": each.output, "right": each.right, "missing": len(each.missing), "extra": len(each.extra)}
            for each in outcome.differences
        ],
    }
