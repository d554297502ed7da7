"""`anlan rules diff`: what changed between two books of rules, and what that means for a running engine."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from alerts.rule_diff import CONSEQUENCE, Change, ChangeClass, compare
from alerts.rule_file import RuleFile
from connectors.registry import load_channels
from connectors.rulebook import RulebookError, find_rule_files, read_rule, same_ids
from dataflows.history import as_json, console

_PATH = click.Path(exists=True, path_type=Path)
_STYLES: dict[ChangeClass, str] = {"structure": "red", "ladder": "yellow", "gone": "red", "new": "green"}
LONGEST = 60


@click.command()
@click.argument("old", type=_PATH)
@click.argument("new", type=_PATH)
@as_json
def diff(old: Path, new: Path, as_json: bool) -> None:
    """What changed from the rules in OLD to the rules in NEW, files or folders, and what that costs.

    \b
    text       words, owner, runbook, route, evidence, tests: swaps at once
    status     shadow, live, disabled: who is told
    ladder     levels, stages, lifecycle: what is kept stays and is judged again
    structure  select, key, window, when ...: a new generation, warmed and cut over

    A changed meaning needs a greater version; what has none is refused.

    \b
    Example:
      $ anlan rules diff alerts/rules my-rules
      rc.repeat-contact  ladder  state is kept and judged again
        levels[0].gte    3 → 4

    Exits with 0 if nothing differs, 1 if something does, 2 if rules cannot be read or a change is refused.
    """
    changes = compare(_specs(old), _specs(new))
    if as_json:
        click.echo(msgspec.json.encode([_plain(change) for change in changes]))
    else:
        _print(changes)
    if any(change.refusal for change in changes):
        sys.exit(2)
    sys.exit(1 if any(change.of != "same" for change in changes) else 0)


def _specs(path: Path) -> dict[str, RuleFile]:
    channels = load_channels()
    try:
        read = [read_rule(file, channels) for file in find_rule_files([path])]
    except RulebookError as error:
        raise click.UsageError(str(error)) from None
    for sentence in same_ids(read):
        raise click.UsageError(sentence)
    return {each.rule.id: each.rule.spec for each in read}


def _print(changes: list[Change]) -> None:
    out = console()
    for change in changes:
        if change.of == "same":
            continue
        out.print(f"{change.rule}  {change.of}  {CONSEQUENCE[change.of]}", style=_STYLES.get(change.of, ""))
        if change.refusal:
            out.print(f"  refused: {change.refusal}", style="bold red")
        table = Table.grid(padding=(0, 2))
        for path in change.paths:
            table.add_row(f"  {path.path}", path.of, f"{_short(path.before)} → {_short(path.after)}")
        if change.paths:
            out.print(table)
    counts = Counter(change.of for change in changes)
    out.print(", ".join(f"{count} {of}" for of, count in counts.items()) or "no rules")


def _short(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _plain(change: Change) -> dict[str, Any]:
    return {
        "rule": change.rule,
        "class": change.of,
        "consequence": CONSEQUENCE[change.of],
        "refusal": change.refusal,
        "paths": [
            {"path": path.path, "class": path.of, "from": path.before, "to": path.after} for path in change.paths
        ],
    }
