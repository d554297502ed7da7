"""`anlan rules lint`: what is wrong with rule files, without running them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from connectors.registry import load_channels
from dataflows.rule_paths import many, paths_argument, read_paths


@click.command()
@paths_argument
def lint(paths: tuple[Path, ...]) -> None:
    """Say what is wrong with rule files, without running them.

    An error keeps a rule from being loaded: it cannot be understood, or it goes against people's privacy,
    such as a service-quality rule that adds up what one person says about different matters. A warning is
    advice.

    \b
    Example:
      $ anlan rules lint my-rules/
      error   rule `my.callers` must have `matter` or `case` in its `key`, ... (my-rules/callers.yaml:9)
      warning rule `my.repeat` must have a test that stays quiet; got 1 and all fire (my-rules/repeat.yaml:20)
      2 files: 1 error, 1 warning

    Exits with 0 if there is no error, 1 if there is one, 2 if the command was not understood.
    """
    read = read_paths(paths, load_channels())
    errors, warnings = list(read.failures), list[str]()
    for each in read.rules:
        for remark, at in each.lint():
            (errors if remark.severity == "error" else warnings).append(f"{remark.sentence} ({at})")
    for sentence in errors:
        click.echo(f"{click.style('error  ', fg='red')} {sentence}")
    for sentence in warnings:
        click.echo(f"{click.style('warning', fg='yellow')} {sentence}")
    counts = f"{many(len(errors), 'error')}, {many(len(warnings), 'warning')}"
    click.echo(f"{many(read.files, 'file')}: {counts}")
    sys.exit(1 if errors else 0)
