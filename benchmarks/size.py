"""What an installation of some size needs: measured on some sizes, foretold for others, and both held side by side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.machine import this_machine
from benchmarks.options import Options
from benchmarks.report import Cell, Plot, Report
from benchmarks.sizing import fit
from benchmarks.sizing.kept import Look, Task, middle
from benchmarks.sizing.live import Live, Segment, measured
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.sizing.costs import PARTS, Cost, Costs, Part, Share

TITLE = "Sizing: foretold and measured"
OFF = "off by, %"
NEAR = 0.2  # how far what was foretold may be from what was measured
YOUNG, MONTHS, OLD = 15, 30, 400  # days
# reports a day; the last is a city of four million
LEAST, LESS, MORE, MOST, CITY = 100.0, 300.0, 1_500.0, 3_000.0, 6_000.0
AGES = {  # that cities reach
    "small": {LEAST: OLD, LESS: OLD, MORE: MONTHS, MOST: MONTHS},
    "full": dict.fromkeys((LEAST, LESS, MORE, MOST, CITY), OLD),
}
FITTED = (LESS, MOST)  # the others are foretold
EVERY_OTHER = 2  # rule, to find out what rules cost
RATES = (0.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)  # events a second
FITTED_RATES = (0.0, 10.0, 100.0, 1_000.0)
SECONDS = {"small": 10.0, "full": 30.0}  # of each rate in each round
LONE = 100.0  # events a second: of more, several come at once and are compressed together
SEEN_CORES = 0.02  # below so much of a core the clock's own steps are larger than the difference
SEEN_SECONDS = 3.0  # CPU time of a replay: a shorter one says little
RECKONED: tuple[Part, ...] = ("run", "kafka", "valkey")  # the ClickHouse engine is no server: it is noted, no more
MB = 1e6


class Check(NamedTuple):
    """One figure that was foretold for a size that was not fitted on."""

    what: str
    size: str
    foretold: float
    measured: float
    unit: str

    @property
    def error(self) -> float:
        """How far off, as a share of what was measured."""
        return self.foretold / self.measured - 1


class Found(NamedTuple):
    """All that was measured."""

    looks: dict[tuple[float, int], Look]
    fewer_rules: Look
    rules: int
    fewer: int
    live: Live


def run(options: Options) -> Report:
    """Measure, fit on some sizes, foretell the others; what is too far off is a fault."""
    found = _found(options)
    costs = _costs(found)
    return _report(options, found, costs, list(_checks(found, costs)))


def _found(options: Options) -> Found:
    tasks = [
        Task(reports, tuple(age for age in (YOUNG, MONTHS, OLD) if age <= oldest))
        for reports, oldest in AGES[options.size].items()
    ]
    *whole, [fewer_rules] = _cities(options, [*tasks, Task(MORE, (MONTHS,), EVERY_OTHER)])
    looks = {(look.reports_per_day, look.days): look for city in whole for look in city}
    live = measured(options.scratch / "size", RATES, SECONDS[options.size], options.runs, options.seen)
    rules = len(load_rules([RULES_FOLDER], load_channels()))
    return Found(looks, fewer_rules, rules, len(range(0, rules, EVERY_OTHER)), live)


def _cities(options: Options, tasks: Sequence[Task]) -> list[list[Look]]:
    """The looks of each task; all tasks in turn, several rounds of them, and of each figure the median counts."""
    rounds: list[list[list[Look]]] = []
    for number in range(1, options.runs + 1):
        rounds.append([])
        for task in tasks:
            rules = ", every other rule" if task.every_rule == EVERY_OTHER else ""
            options.seen(
                f"a city of {task.reports_per_day:g} reports a day until it is {task.days[-1]} days old{rules},"
                f" round {number} of {options.runs}"
            )
            rounds[-1].append(_city(task))
    return [[middle(looks) for looks in zip(*city, strict=True)] for city in zip(*rounds, strict=True)]


def _city(task: Task) -> list[Look]:
    command = [sys.executable, "-m", "benchmarks.sizing.kept", msgspec.json.encode(task).decode()]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(said, type=list[Look])


def _costs(found: Found) -> Costs:
    machine = this_machine()
    old = found.looks[LESS, OLD]
    rules = load_rules([RULES_FOLDER], load_channels())
    return Costs(
        machine=f"{machine.processor}, {machine.cores} cores, {machine.memory_gb:.0f} GB, {machine.system}",
        measured_on=datetime.now(UTC).date().isoformat(),
        commit=_commit(),
        rules=found.rules,
        reports_a_day=(LEAST, max(reports for reports, days in found.looks if days == OLD)),
        days=OLD,
        shares=tuple(_share(each) for each in found.live.segments if each.rate in FITTED_RATES),
        costs={**_kept_costs(found), **_live_costs(found.live)},
        keys={rule: count / LESS for rule, count in sorted(old.keys.items()) if count},
        max_keys={rule.id: rule.max_keys for rule in rules if old.keys.get(rule.id)},
    )


def _commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


def _share(segment: Segment) -> Share:
    return Share(
        segment.events / segment.seconds, {part: segment.cpu_seconds[part] / segment.seconds for part in PARTS}
    )


def _kept_costs(found: Found) -> dict[str, Cost]:
    """What state and replays cost."""
    looks = found.looks
    state = _full_state(found)
    old, most, whole = looks[LESS, OLD], looks[MOST, MONTHS], looks[MORE, MONTHS]
    power = _replay_power(found)
    kept_by = f"{LESS:g} reports a day for {OLD} days"
    some = f"{MORE:g} reports a day for {MONTHS} days with {found.fewer} rules and with {found.rules}"
    replays = f"{LESS:g} and {MOST:g} reports a day for {YOUNG} to {OLD} days"
    shares = [
        fit.linking_share(getattr(whole, name), getattr(found.fewer_rules, name), found.rules, found.fewer)
        for name in ("resident_bytes", "cpu_seconds")
    ]
    return {
        "state_base": Cost(state.base, "bytes", f"{LESS:g} and {MOST:g} reports a day"),
        "state_per_daily_report": Cost(state.slope, "bytes", kept_by),
        "state_disk_per_daily_report": Cost(old.state_bytes / LESS, "bytes", kept_by),
        "linking_share_of_state": Cost(shares[0], "of the state", some),
        "linking_share_of_replay": Cost(shares[1], "of the CPU time of a replay", some),
        "reports_per_event": Cost(
            MOST * (MONTHS - YOUNG) / (most.events - looks[MOST, YOUNG].events), "reports",
            f"{MOST:g} reports a day, from day {YOUNG} to day {MONTHS}",
        ),
        "revisions_per_1000_events": Cost(
            1_000 * whole.revisions / whole.events, "revisions", f"{MORE:g} reports a day for {MONTHS} days"
        ),
        "replay_factor": Cost(power.factor, "CPU seconds", replays),
        "replay_reports_exponent": Cost(power.reports, "", replays),
        "replay_days_exponent": Cost(power.days, "", replays),
        "replay_fresh": Cost(
            looks[MOST, YOUNG].cpu_seconds / looks[MOST, YOUNG].events, "CPU seconds an event",
            f"{MOST:g} reports a day for {YOUNG} days",
        ),
    }  # fmt: skip


def _full_state(found: Found) -> fit.Line:
    """State whose windows are full; of the larger city a younger state tells what there is without reports."""
    if (MOST, OLD) in found.looks:
        return _state_line(found, OLD)
    base = max(0.0, _state_line(found, MONTHS).base)
    return fit.Line(base, (found.looks[LESS, OLD].resident_bytes - base) / LESS)


def _state_line(found: Found, days: int) -> fit.Line:
    return fit.line((reports, found.looks[reports, days].resident_bytes) for reports in FITTED)


def _replay_power(found: Found) -> fit.Power:
    return fit.power([look for (reports, _), look in found.looks.items() if reports in FITTED])


def _live_costs(live: Live) -> dict[str, Cost]:
    """What live runs and the stores behind them cost."""
    idle, slow = (next(each for each in live.segments if each.rate == rate) for rate in FITTED_RATES[:2])
    ticks = idle.log_bytes / idle.seconds
    stores = live.stores
    ran = f"live at {RATES[0]:g} to {RATES[-1]:g} events/s"
    feed = f"{stores.revisions} revisions of a simulated city"
    return {
        "run_base": Cost(idle.resident_bytes["run"], "bytes", "live, nobody calls"),
        "kafka_resident": Cost(live.segments[-1].resident_bytes["kafka"], "bytes", ran),
        "tick_bytes_per_second": Cost(ticks, "bytes", "live, nobody calls"),
        "log_bytes_per_event": Cost(
            (slow.log_bytes - ticks * slow.seconds) / slow.events, "bytes", f"live at {slow.rate:g} events/s"
        ),
        "raw_bytes_per_event": Cost(stores.raw_bytes / stores.events, "bytes", ran),
        "pool_bytes_per_event": Cost(sum(stores.pool_bytes.values()) / stores.events, "bytes", ran),
        "stream_bytes_per_revision": Cost(stores.stream_bytes / stores.revisions, "bytes", feed),
        "record_bytes_per_revision": Cost(stores.record_bytes / stores.revisions, "bytes", feed),
        "series": Cost(stores.series, "series", ran),
    }  # fmt: skip


def _checks(found: Found, costs: Costs) -> Iterator[Check]:
    """Each size that was not fitted on."""
    power = _replay_power(found)
    lines = {days: _state_line(found, days) for days in (YOUNG, MONTHS)}
    lines[OLD] = _full_state(found)
    for (reports, days), look in found.looks.items():
        if reports not in FITTED:
            size = f"{reports:g} reports a day, {days} days"
            yield Check("memory of the state", size, lines[days].at(reports) / MB, look.resident_bytes / MB, "MB")
            if look.cpu_seconds >= SEEN_SECONDS:
                yield Check("replay", size, power.at(look.reports, days), look.cpu_seconds, "CPU s")
    for segment in found.live.segments:
        if segment.rate not in FITTED_RATES:
            yield from _live_checks(segment, costs)


def _live_checks(segment: Segment, costs: Costs) -> Iterator[Check]:
    size, rate = f"{segment.rate:g} events/s", segment.events / segment.seconds
    if segment.rate <= LONE:
        log = costs["tick_bytes_per_second"] * segment.seconds + costs["log_bytes_per_event"] * segment.events
        yield Check("intake log", size, log / MB, segment.log_bytes / MB, "MB")
    for part in RECKONED:
        used = segment.cpu_seconds[part] / segment.seconds
        if used >= SEEN_CORES:
            yield Check(f"CPU of {part}", size, costs.cores(part, rate), used, "cores")


def _report(options: Options, found: Found, costs: Costs, checks: Sequence[Check]) -> Report:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{check.what}, {check.size}", check.foretold, check.measured, check.unit, round(100 * check.error))
        for check in checks
    )
    return Report(
        title=TITLE,
        columns=("figure", "foretold", "measured", "unit", OFF),
        rows=rows,
        notes=(
            f"Fitted on cities of {' and '.join(f'{each:g}' for each in FITTED)} reports a day and on"
            f" {', '.join(f'{each:g}' for each in FITTED_RATES)} events/s; the sizes of the table were not."
            f" More than {NEAR:.0%} off is a fault. Medians of {options.runs} rounds.",
            "Memory: growth of the resident set of the stages, without an engine. Replay: CPU time of the stages.",
            f"CPU: a core is 1; Apache Kafka with one node; what is below {SEEN_CORES:g} of a core is left out.",
        ),
        faults=tuple(
            f"{check.what} must be foretold within {NEAR:.0%}; got {check.error:+.0%} ({check.size})"
            for check in checks
            if abs(check.error) > NEAR
        ),
        plot=Plot("figure", (OFF,)),
        details={
            "costs": msgspec.to_builtins(costs),
            "looks": [look._asdict() for look in (*found.looks.values(), found.fewer_rules)],
            "live": msgspec.to_builtins(found.live),
        },
    )  # fmt: skip
