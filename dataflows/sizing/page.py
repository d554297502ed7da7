"""`docs/sizing.md` from the measured costs: what a city, a province and the country need, and how it is reckoned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dataflows.sizing.answers import Answer, answer
from dataflows.sizing.centre import EXAMPLES, Centre
from dataflows.sizing.costs import PARTS, Costs
from dataflows.sizing.detection import BUSY, JOURNAL, ROOM
from dataflows.sizing.need import Need, shown
from dataflows.sizing.stores import NODE_BYTES, SAMPLE_BYTES

HEAD = """\
# How large an installation must be

Written by `python -m dataflows.sizing`; a test fails when page and code differ.

`anlan size --residents 4000000` answers for one installation, with the formula of every line; `--events-per-day`,
`--rules`, `--memory-gb` and others say what differs, `--json` is for programs, `--plot size.svg` draws it. Every figure
comes from one file of costs, which `make bench ARGS=size` measures; the arithmetic is in `dataflows/sizing/`.

**measured**: inside the sizes that were run. **extrapolated**: beyond them, on the assumptions below. **assumed**: not
measured here at all. A sum is worth what the weakest of its lines is worth."""

MIDDLE = """\
![cores, memory and disk by residents](sizing.svg)

## What decides

* **State, not speed.** What grows is what the rules remember: a person who called may call again within 90 days, and
  each report stands under several keys.
* **Processes** of detection have some of the counties each, with a log and a state of their own: an installation for
  each, such as a prefecture or a few of them. There are as many as are needed for each to fit into its memory, to bear
  the busiest second, and to rebuild a year of state in time, which a release with state of another version asks for.
* **The busiest second** is the larger of a storm and of what waited during an outage.
* A part is loaded to {busy:.0%} of a core at most; state gets {room:g} times its size in memory, {journal} times on
  disk.

## What is assumed beyond what was run

* A storm is {peak:g} times the mean of a day and an outage {outage:g} hours, unless the command is told otherwise.
* Everything grows with reports, in the mix of the simulated city; an hour of a country is like an hour of a city.
* Processes share nothing but servers: matters are joined inside a county, and no rule counts over two processes.
* A key is let go by its window and not by `max_keys`. Where a rule would need more than its file allows, the command
  names it: raise `max_keys`, or the rule forgets the keys that say least.
* What real people say is longer and less alike than in the simulated city: log, raw rows and pool may take more.
* One broker was run, without TLS, and the ClickHouse engine instead of a server; a copy of the log costs its broker as
  much. A node of ClickHouse is what its makers ask for to begin with, and holds {node:g} TB at most. Prometheus takes
  {sample} bytes a sample by its own manual. Valkey's file is written anew beside the old one.
"""


def page(costs: Costs) -> str:
    """The text of `docs/sizing.md`."""
    answers = {name: answer(wanted, costs) for name, wanted in EXAMPLES.items()}
    usual = Centre()
    middle = MIDDLE.format(
        busy=BUSY, room=ROOM, journal=JOURNAL, node=NODE_BYTES / 1e12, sample=SAMPLE_BYTES, peak=usual.peak,
        outage=usual.outage_hours,
    )  # fmt: skip
    parts = (HEAD, _sums(answers), middle, *_details(answers), _measured(costs))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _sums(answers: Mapping[str, Answer]) -> str:
    rows = (
        (
            name, f"{found.centre.residents:,}", f"{found.events_per_day:,.0f}", f"{found.processes:,}",
            found.decided_by, shown(found.cores), shown(found.memory_gb), shown(found.disk_gb),
            "measured" if found.is_measured else "extrapolated",
        )
        for name, found in answers.items()
    )  # fmt: skip
    columns = ("", "residents", "events a day", "processes", "decided by", "cores", "memory, GB", "disk, GB")
    return table((*columns, "state and load"), rows)


def _details(answers: Mapping[str, Answer]) -> Iterator[str]:
    for name, found in answers.items():
        yield f"## A {name}" if name != "country" else "## The country"
        yield table(
            ("part", "what", "needs", "formula", "stands on"),
            ((need.part, need.what, amount(need), need.formula, need.basis) for need in found.needs),
        )
        if found.caps:
            yield "Rules whose `max_keys` is too small for one process:"
            yield table(
                ("rule", "keys", "`max_keys`"),
                ((f"`{cap.rule}`", f"{cap.keys:,}", f"{cap.max_keys:,}") for cap in found.caps),
            )


def _measured(costs: Costs) -> str:
    low, high = costs.reports_a_day
    figures = table(
        ("cost", "value", "unit", "what ran"),
        ((f"`{name}`", shown(cost.value), cost.unit, cost.ran) for name, cost in costs.costs.items()),
    )
    shares = table(
        ("events a second", *PARTS),
        ((f"{share.rate:.3g}", *(f"{share.cores[part]:.3f}" for part in PARTS)) for share in costs.shares),
    )
    return f"""\
## What was measured

On {costs.machine}; {costs.measured_on}, commit {costs.commit}; {costs.rules} rules; {low:,.0f} to {high:,.0f} reports a
day, up to {costs.days} days old. Sizes that the costs were not fitted on were foretold, each less than 20 % off:
`make bench ARGS=size` prints the comparison, and fails where it is more.

{figures}

What each part uses of a core, live; the figures of the ClickHouse engine, which is no server, are not reckoned with:

{shares}"""


def amount(need: Need) -> str:
    """The value of a line with its unit, as people read it."""
    unit = "" if need.unit == need.what else need.unit.removesuffix(" memory").removesuffix(" disk")
    return f"{shown(need.value)} {unit}".rstrip()


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(columns)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
