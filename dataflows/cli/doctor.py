"""`anlan doctor`: is everything there that an installation stands on?"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click
import msgspec

from dataflows.doctor.examination import examine
from dataflows.doctor.line import GRAVITY, Line, Verdict, worst
from dataflows.failures import said_plainly
from dataflows.settings import load_settings

_COLOURS: dict[Verdict, str] = {"ok": "green", "attention": "yellow", "broken": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON: the verdict, and each line.")
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
def doctor(as_json: bool, config: str | None) -> None:
    """Look at everything this installation stands on, and say what is to be done. Changes nothing.

    Keys, rules, routing, mappings, calendars; Kafka and its topics; Redis; ClickHouse and its tables; clocks, disks,
    the state of the flow and how far it is behind; `anlan serve`; the hosts that share it. The flow may run meanwhile.

    Exit codes: 0 all is well, 1 something wants attention, 2 something is broken.
    """
    with said_plainly():
        lines = examine(load_settings(config))
        code = _as_json(list(lines)) if as_json else _in_words(lines)
    sys.exit(code)


def _as_json(lines: list[Line]) -> int:
    code = worst(lines)
    click.echo(msgspec.json.encode({"verdict": GRAVITY[code], "lines": lines}))
    return code


def _in_words(lines: Iterable[Line]) -> int:
    said = []
    for line in lines:
        said.append(line)
        click.echo(f"{click.style(f'{line.verdict:<9}', fg=_COLOURS[line.verdict])}  {line.area}: {line.says}")
        if line.remedy:
            click.echo(f"{'':<9}  → {line.remedy}")
    return worst(said)
