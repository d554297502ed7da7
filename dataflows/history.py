"""A history for the commands that ask about it: run through the stages, with everything remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from alerts.authoring.hindsight import Hindsight, look_back
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.history_origin import Command, Instant, Origin, origin_options
from dataflows.memory import calm_collector
from dataflows.replay_source import Refusals
from dataflows.rule_paths import many

PIPED_WIDTH = 160  # where there is no terminal to ask

_RULES = click.option(
    "--rules", "rule_paths", multiple=True, type=click.Path(exists=True),
    help="Rule files or folders; default: the shipped ones.",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table or tree.")
only_rule = click.option("--rule", "only", metavar="ID", help="Ask only this rule.")
until_option = click.option("--until", type=Instant(), help="Ask as it was known at TIME; default: the end.")


def history_options(command: Command) -> Command:
    """The history, which the command gets as its `origin`, and the rules that are asked about it."""
    return origin_options(_RULES(command))


def look(
    origin: Origin, rule_paths: tuple[str, ...], until: int | None = None, only: str | None = None
) -> Hindsight:  # fmt: skip
    """Run a history through the stages, with all rules or only one. Raises a sentence where something is wrong."""
    origin.require_one()
    channels = load_channels()
    rules = load_rules(list(rule_paths) or [RULES_FOLDER], channels)
    if only is not None:
        known = [rule.id for rule in rules]
        rules = [rule for rule in rules if rule.id == only]
        if not rules:
            raise click.UsageError(f"`--rule` must be one of {', '.join(known)}; got `{only}`")
        rules[0].number = 0
    (rules,) = origin.answerable(rules)
    if origin.pool and until is not None:
        origin = origin._replace(until=until + 1)
    refusals = Refusals([], {})
    with _counted() as advance, calm_collector():
        hindsight = look_back(rules, channels, origin.arrivals(channels, refusals, advance), until)
    refused = len(refusals.dead)
    if refused:
        said = f"{many(refused, 'row')} could not become events; `anlan replay --deadletters-out` says why"
        click.echo(said, err=True)
    if not hindsight.pooled:
        raise click.ClickException("the history must hold at least one event; got none")
    return hindsight


def console() -> Console:
    """Where answers are printed: as wide as the terminal; what is said is never taken for markup."""
    found = Console(markup=False, highlight=False, emoji=False)
    return found if found.is_terminal else Console(markup=False, highlight=False, emoji=False, width=PIPED_WIDTH)


@contextmanager
def _counted() -> Iterator[Callable[[int], None]]:
    """Counts rows on a terminal while they are read."""
    said = Console(stderr=True)
    columns = (TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    with Progress(*columns, console=said, disable=not said.is_terminal, transient=True) as progress:
        task = progress.add_task("rows", total=None)
        yield lambda count: progress.advance(task, count)
