"""`anlan rules new`: begin a rule from the template of its kind."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import get_args

import click

from alerts.authoring.lint import is_id, lint
from alerts.model import Kind, Purpose
from alerts.rule import compile_rule
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER
from connectors.yaml_file import loads

TEMPLATES_FOLDER = RULES_FOLDER.parent / "authoring" / "templates"
DEFAULT_PURPOSE: Purpose = "service-quality"
_PURPOSES: dict[Kind, Purpose] = {"surge": "situational-awareness", "silence": "operations"}


@click.command()
@click.argument("id")
@click.option("--kind", default="threshold", show_default=True, type=click.Choice(get_args(Kind)), help="What it does.")
@click.option("--purpose", type=click.Choice(get_args(Purpose)), help="What it is for; by its kind if left out.")
@click.option(
    "--folder",
    default="my-rules",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The rule book it is written into.",
)
def new(id: str, kind: Kind, purpose: Purpose | None, folder: Path) -> None:
    """Begin a rule: write a file that says every key in words, with one test that fires and one that stays quiet.

    The file is FOLDER/<purpose>/<name>.yaml, where the name is the part of ID after its first dot. What is there
    already is never written over.

    \b
    Example:
      $ anlan rules new my.noise-again --kind threshold
      wrote my-rules/service-quality/noise_again.yaml
      next: put your own words and numbers in the lines that end in `change`, then
        anlan rules lint my-rules/service-quality/noise_again.yaml
        anlan rules test my-rules/service-quality/noise_again.yaml

    Exits with 0 if the file was written, 2 if the command was not understood or the file is there.
    """
    if not is_id(id):
        raise click.UsageError(f"ID must be dotted, in small letters, such as `rc.repeat-contact`; got `{id}`")
    purpose = purpose or _PURPOSES.get(kind, DEFAULT_PURPOSE)
    text = filled(id, kind, purpose)
    _check(text)
    file = folder / purpose / f"{file_name(id)}.yaml"
    _write(file, text)
    click.echo(f"wrote {file}")
    click.echo("next: put your own words and numbers in the lines that end in `change`, then")
    click.echo(f"  anlan rules lint {file}")
    click.echo(f"  anlan rules test {file}")


def filled(id: str, kind: Kind, purpose: Purpose) -> str:
    """The template of a kind, for a rule."""
    template = (TEMPLATES_FOLDER / f"{kind}.yaml").read_text(encoding="utf-8")
    return Template(template).substitute(id=id, name=file_name(id).replace("_", "-"), purpose=purpose)


def file_name(id: str) -> str:
    """What the file of a rule is called, from its id."""
    return id.partition(".")[2].replace(".", "_").replace("-", "_")


def _check(text: str) -> None:
    """Refuse a purpose that the key of the template must not have."""
    for remark in lint(compile_rule(loads(text).data, load_channels(), 0, load_calendars())):
        if remark.severity == "error":
            raise click.UsageError(f"{remark.sentence}; choose another --purpose")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise click.UsageError(f"a new rule must have a file of its own; got `{file}`, which is there") from None
