"""`anlan rules near`: the near-miss board of some history."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import click
import msgspec
from rich.table import Table

from alerts.authoring.distance import Distance
from alerts.authoring.due_next import DueNext, due_next
from alerts.authoring.hindsight import Hindsight
from alerts.authoring.nearness import Gauges, Near, board
from alerts.duration import format_duration
from alerts.entry import LEVEL_NAME
from alerts.local_time import local_time
from alerts.model import from_us
from alerts.rule import Rule
from dataflows.failures import said_plainly
from dataflows.history import as_json, console, history_options, look, only_rule
from dataflows.history_origin import Instant, Origin
from dataflows.memory import calm_collector


@click.command()
@history_options
@only_rule
@click.option("--top", default=20, show_default=True, type=click.IntRange(1), help="How many keys to show.")
@click.option("--each", type=click.IntRange(1), help="At most so many keys of one rule; default: all.")
@click.option("--at", type=Instant(), help="Ask as it was known at TIME; default: the end of the history.")
@as_json
def near(
    origin: Origin, rule_paths: tuple[str, ...], only: str | None, top: int, each: int | None,
    at: int | None, as_json: bool,
) -> None:  # fmt: skip
    """The keys that are closest to firing, over all rules.

    Runs FILES (as `anlan replay` does) or the history of a --pool, and looks at the windows as they are at the end,
    or at --at. A key is on the board if it is not firing, or if a level above its open alert can still be reached.
    First those that miss least; of these the higher level, the greater share of what is needed, the newest event.
    Open obligations stand in a table of their own, by the time of their next stage.

    \b
    Example:
      $ anlan rules near events.jsonl --top 3 --at 2026-03-09T10:00
      $ anlan rules near export.csv --mapping mapping.yaml --rule rc.repeat-contact --json
      $ anlan rules near --pool http://localhost:8123/default --since 2026-01-01

    Exits with 0, with 1 if the history or the rules cannot be read, with 2 if the command was not understood.
    """
    with said_plainly():
        hindsight = look(origin, rule_paths, at, only)
    now = at if at is not None else hindsight.now
    gauges = Gauges(hindsight.rules, hindsight.channels)
    with calm_collector():
        found = board(hindsight, gauges, now)
    shown = Shown(_at_most(found, each)[:top], len(found), due_next(hindsight, now)[:top], gauges.left_out, now)
    if as_json:
        click.echo(msgspec.json.encode(_plain(hindsight, shown)))
    else:
        _print(hindsight, shown)


class Shown(NamedTuple):
    """What is shown of the board, and what is not."""

    near: list[Near]
    total: int
    due: list[DueNext]
    left_out: list[Rule]  # their kinds have neither a distance nor a due time
    at: int


def _at_most(found: list[Near], each: int | None) -> list[Near]:
    if each is None:
        return found
    so_far: Counter[str] = Counter()
    kept = []
    for place in found:
        so_far[place.rule] += 1
        if so_far[place.rule] <= each:
            kept.append(place)
    return kept


def _print(hindsight: Hindsight, shown: Shown) -> None:
    out = console()
    rules = {rule.id: rule for rule in hindsight.rules}
    table = Table("", "rule", "key", "level", "has", "still needs", "last event", title_justify="left")
    table.title = f"near misses at {local_time(shown.at)}"
    for rank, each in enumerate(shown.near, 1):
        table.add_row(str(rank), *_row(rules[each.rule], each))
    out.print(table if shown.near else f"nothing is near at {local_time(shown.at)}")
    if shown.total > len(shown.near):
        out.print(f"{shown.total - len(shown.near):,} more keys are on the board; `--top` shows more")
    if shown.due:
        due = Table("due next", "key", "stage", "level", "in", "at", "due", "opened")
        for owed in shown.due:
            due.add_row(*_due_row(rules[owed.rule], owed, shown.at))
        out.print(due)
    if shown.left_out:
        names = ", ".join(f"{rule.id} ({rule.spec.kind})" for rule in shown.left_out)
        out.print(f"left out, since their kinds have no distance: {names}")


def _due_row(rule: Rule, owed: DueNext, at: int) -> list[str]:
    key = "\n".join(f"{name}={value}" for name, value in rule.key_map(owed.key).items())
    when = (owed.at, owed.due, owed.opened)
    title = f"{rule.id}\n{rule.spec.title.en or rule.spec.title.zh}"
    return [title, key, owed.stage, owed.level, format_duration(owed.at - at), *map(local_time, when)]


def _row(rule: Rule, each: Near) -> list[str]:
    distance, event = each.distance, each.newest[6]
    before = f" before {local_time(distance.before)}" if distance.before is not None else ""
    level = f"{LEVEL_NAME[each.open_level]} → {distance.level}" if each.open_level else distance.level
    return [
        f"{rule.id}\n{rule.spec.title.en or rule.spec.title.zh}",
        "\n".join(f"{name}={value}" for name, value in rule.key_map(each.key).items()),
        level,
        f"{distance.measured} of {distance.needed}",
        f"{distance.needs}{before}",
        f"{local_time(each.newest[0])}\n{event.channel} {event.id}",
    ]


def _plain(hindsight: Hindsight, shown: Shown) -> dict[str, Any]:
    rules = {rule.id: rule for rule in hindsight.rules}
    return {
        "at": from_us(shown.at),
        "total": shown.total,
        "near": [{"rank": rank, **_place(rules[each.rule], each)} for rank, each in enumerate(shown.near, 1)],
        "due_next": [_due_plain(rules[owed.rule], owed) for owed in shown.due],
        "left_out": [{"rule": rule.id, "kind": rule.spec.kind} for rule in shown.left_out],
    }


def _due_plain(rule: Rule, owed: DueNext) -> dict[str, Any]:
    times = {name: from_us(getattr(owed, name)) for name in ("at", "due", "opened")}
    return {
        "rule": rule.id, "title": rule.spec.title, "key": rule.key_map(owed.key), "stage": owed.stage,
        "level": owed.level, "case": owed.case, **times,
    }  # fmt: skip


def _place(rule: Rule, each: Near) -> dict[str, Any]:
    event = each.newest[6]
    return {
        "rule": rule.id,
        "title": rule.spec.title,
        "key": rule.key_map(each.key),
        "open_level": LEVEL_NAME[each.open_level] if each.open_level else None,
        **distance_plain(each.distance),
        "last_event": {"id": event.id, "channel": event.channel, "occurred_at": event.occurred_at},
    }


def distance_plain(distance: Distance) -> dict[str, Any]:
    """A distance as JSON shows it."""
    plain: dict[str, Any] = msgspec.structs.asdict(distance)
    plain["share"] = round(distance.share, 3)
    plain["before"] = from_us(distance.before) if distance.before is not None else None
    return plain
