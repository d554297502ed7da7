"""History for the commands that ask about it: files run through the stages, with everything remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from alerts.authoring.hindsight import Hindsight, look_back
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import to_us
from connectors.door import Door
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mapping
from connectors.pseudonym import generate_keyring, load_keyring
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.memory import calm_collector
from dataflows.replay_source import Refusals, admit_events, admit_raw, arrivals
from dataflows.rule_paths import many

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
LOCAL = timezone(timedelta(hours=LOCAL_OFFSET_HOURS))
PIPED_WIDTH = 160  # where there is no terminal to ask

Command = Callable[..., Any]


class Instant(click.ParamType[int]):
    """A time on the command line as microseconds; without a zone it is local."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"a time must be like `2026-03-09` or `2026-03-09T10:00`; got `{value}`", param, ctx)
        return to_us(found if found.tzinfo else found.replace(tzinfo=LOCAL))


_FILES = click.argument("files", nargs=-1, required=True, type=READABLE)
_MAPPING = click.option("--mapping", type=READABLE, help="The files hold raw rows; this mapping reads them.")
_RULES = click.option(
    "--rules", "rule_paths", multiple=True, type=click.Path(exists=True),
    help="Rule files or folders; default: the shipped ones.",
)  # fmt: skip
_KEYRING = click.option("--keyring", type=READABLE, help="Keys of the pseudonyms; default: a key for this run only.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table or tree.")
only_rule = click.option("--rule", "only", metavar="ID", help="Ask only this rule.")
until_option = click.option("--until", type=Instant(), help="Ask as it was known at TIME; default: the end.")


def history_options(command: Command) -> Command:
    """FILES and how they are read, as `anlan replay` takes them."""
    for decorate in (_KEYRING, _RULES, _MAPPING, _FILES):
        command = decorate(command)
    return command


def look(
    files: tuple[Path, ...], mapping: Path | None, rule_paths: tuple[str, ...], keyring: Path | None,
    until: int | None = None, only: str | None = None,
) -> Hindsight:  # fmt: skip
    """Run files through the stages, with all their rules or only one. Raises a sentence where something is wrong."""
    channels = load_channels()
    keys = load_keyring(keyring) if keyring else generate_keyring()
    lexicon = load_lexicon()
    door = Door(channels, keys, None, lexicon)
    rules = load_rules(list(rule_paths) or [RULES_FOLDER], channels)
    if only is not None:
        known = [rule.id for rule in rules]
        rules = [rule for rule in rules if rule.id == only]
        if not rules:
            raise click.UsageError(f"`--rule` must be one of {', '.join(known)}; got `{only}`")
        rules[0].number = 0
    if mapping is None:
        admit = admit_events(door)
    else:
        admit = admit_raw(door, load_mapping(mapping, channels=channels, keyring=keys, lexicon=lexicon))
    refusals = Refusals([], {})
    with _counted() as advance, calm_collector():
        hindsight = look_back(rules, channels, arrivals(files, admit, refusals, advance), until)
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
