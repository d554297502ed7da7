"""The shipped rule book over a simulated city: events a second over the run, and where the time goes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec.structs import replace

from benchmarks.answers import one_answer
from benchmarks.histories import city_history
from benchmarks.options import Options
from benchmarks.profile_table import ProfileRow
from benchmarks.replay_run import Period, Run, Task
from benchmarks.replays import Measured, replayed
from benchmarks.report import Cell, Plot, Report
from benchmarks.stage_clock import STAGES

TITLE = "the shipped rule book over a simulated city"
DAYS = {"small": 10, "full": 365}
PROFILED = {"small": (68_000, 34_000), "full": (1_020_000, 170_000)}  # events before it, and in it
SHOWN = 12  # functions of the profile that are noted
MB = 1_000_000
RATE = "events a CPU second"
COLUMNS = ("period", "events", RATE, *(f"{stage} µs" for stage in STAGES), "rest µs", "decode µs", "RSS MB")


def run(options: Options) -> Report:
    """Replay the history, and the beginning of it under the profiler; all runs must say the same."""
    days = DAYS[options.size]
    history = city_history(options.scratch, days, options.seen)
    task = Task(str(history), str(options.scratch / "book-run.json"), days=days)
    found = []
    for number in range(1, options.runs + 1):
        options.seen(f"replaying {days} days, run {number} of {options.runs}")
        found.append(replayed(task))
    options.seen("a part of it under the profiler")
    warm_up, counted = PROFILED[options.size]
    profiled = replayed(replace(task, events=warm_up + counted, warm_up=warm_up, is_profiled=True)).run
    return report(found, profiled.profile)


def report(found: Sequence[Measured], profile: Sequence[ProfileRow]) -> Report:
    """Medians over the runs, a row for each period and one for all of it."""
    runs = [each.run for each in found]
    answer = one_answer({f"run {number}": each.strong for number, each in enumerate(runs, 1)})
    rows = [_row([each.periods[place] for each in runs]) for place in range(len(runs[0].periods))]
    usage = [each.usage for each in found]
    return Report(
        title=TITLE,
        columns=COLUMNS,
        rows=(*rows, _row([_whole(each) for each in runs])),
        notes=(
            f"{RATE}, µs an event: CPU of the flow without decoding; `rest` is the engine, the sinks and the collector",
            f"after the last event: {median(each.ending['flow'] for each in runs):.1f} CPU s",
            f"{runs[0].revisions:,} revisions of {runs[0].alerts:,} alerts, digest {answer[:16]}, equal in every run",
            f"whole process with start and decoding: {median(each.cpu_seconds for each in usage):.1f} CPU s, "
            f"peak RSS {median(each.peak_rss_bytes for each in usage) / MB:,.0f} MB, drafts of the whole run kept",
            "dearest functions under the profiler (own share): "
            + "; ".join(f"{row.function} {row.own_share:.1%}" for row in profile[:SHOWN]),
        ),
        plot=Plot("period", (RATE,), "lines"),
        details={"profile": msgspec.to_builtins(profile), "runs": msgspec.to_builtins(runs)},
    )


def _row(periods: Sequence[Period]) -> tuple[Cell, ...]:
    """The same period of every run."""
    first = periods[0]
    spent = {name: median(each.seconds[name] for each in periods) for name in first.seconds}
    rest = spent["flow"] - sum(spent[stage] for stage in STAGES)
    each_us = [1e6 * seconds / first.events for seconds in (*(spent[stage] for stage in STAGES), rest, spent["decode"])]
    rss = median(each.rss_bytes for each in periods) / MB
    return (first.name, first.events, round(first.events / spent["flow"]), *each_us, round(rss))


def _whole(run: Run) -> Period:
    spent = {name: run.seconds(name) for name in run.periods[0].seconds}
    return Period("all", run.events, spent, run.peak_rss_bytes)
