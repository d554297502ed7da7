"""`anlan brief`: the daily, weekly or monthly brief of a centre, from the data pool."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import click

from connectors.clickhouse import Pool
from connectors.clickhouse_brief import bounds
from connectors.registry import load_channels
from connectors.tables import Tables, county_of, load_tables
from dataflows.api.names import NameBook
from dataflows.briefs.document import Brief
from dataflows.briefs.figures import gather
from dataflows.briefs.page import page
from dataflows.briefs.pen import Naming
from dataflows.briefs.period import KINDS, Kind, Period, last_complete, period_of
from dataflows.briefs.writing import written
from dataflows.failures import said_plainly
from dataflows.servers import pool_of
from dataflows.settings import Settings, load_settings


def _document(made: Brief) -> bytes:
    # imported when it is written: numpy comes along and starts threads, which would take the signals of `anlan run`
    from dataflows.briefs.docx_file import document_of

    return document_of(made)


FORMATS: dict[str, Callable[[Brief], bytes]] = {"html": lambda made: page(made).encode(), "docx": _document}


class Formats(click.ParamType[tuple[str, ...]]):
    """`html,docx`: which files are written."""

    name = "FORMATS"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        found = tuple(dict.fromkeys(value.split(",")))
        if unknown := [each for each in found if each not in FORMATS]:
            self.fail(f"a format must be one of {', '.join(FORMATS)}; got `{unknown[0]}`", param, ctx)
        return found


@click.command()
@click.option("--period", "kind", type=click.Choice(KINDS), default="day", show_default=True, help="What it is about.")
@click.option(
    "--date", "day", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]),
    help="A day of the period, local; default: the last one that was over when the pool heard last.",
)  # fmt: skip
@click.option("--region", default="", metavar="CODE", help="A county (6 digits) or township (9); default: everything.")
@click.option("--config", type=click.Path(dir_okay=False), help="Settings; without it the environment and defaults.")
@click.option("--pool", metavar="DSN", help="The pool, instead of that of the settings: chdb:///folder or http://….")
@click.option("--issuer", default="", metavar="NAME", help="Who issues it; default: the centre of the region.")
@click.option("--format", "forms", type=Formats(), default="html,docx", show_default=True, help="What is written.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder for it.")
def brief(
    kind: Kind, day: datetime | None, region: str, config: str | None, pool: str | None, issuer: str,
    forms: tuple[str, ...], out: Path,
) -> None:  # fmt: skip
    """Write the brief (综治日报, 周报, 月报) of a day, a week or a month: a page and a Word document to sign.

    It has what came in by channel, category and place beside the period before (环比) and the year before (同比), the
    three rates with their denominators, what is open and overdue with which unit, matters that come again, surges,
    rebounds, what was warned and what came of it, and what the numbers do not know.

    It reads the data pool and nothing else; the same pool gives the same brief. Days are those of Asia/Shanghai, a week
    runs from Monday to Sunday. Nobody's name, number or token is in it; below township level small numbers are hidden.

    \b
    anlan brief --config anlan.toml --out briefs
    anlan brief --period week --date 2026-11-16 --region 620102 --pool chdb:///data/pool --out briefs
    anlan brief --period month --format docx --issuer 兰州市社会治安综合治理中心 --out briefs
    """
    with said_plainly():
        settings = load_settings(config)
        tables = load_tables()
        _require_region(region, tables)
        with Pool(pool_of(settings, pool or "")) as opened:
            period = _period(opened, kind, day.date() if day else None)
            figures = gather(opened, period, region)
        made = written(figures, naming(settings, tables), issuer)
        out.mkdir(parents=True, exist_ok=True)
        for form in forms:
            path = out / f"{file_name(period, region)}.{form}"
            path.write_bytes(FORMATS[form](made))
            click.echo(path)


def naming(settings: Settings, tables: Tables) -> Naming:
    """What channels, rules and places are called in this installation."""
    channels = load_channels()
    labels = {name: channel.label.zh for name, channel in channels.items()}
    short = {name: (channel.short or channel.label).zh for name, channel in channels.items()}
    rules = {name: rule.title.zh for name, rule in NameBook(settings.rules).names("").rules.items()}
    return Naming(labels, short, rules, tables)


def file_name(period: Period, region: str) -> str:
    """`brief-day-2026-11-21`, with the region behind it where there is one."""
    return "-".join(part for part in ("brief", period.kind, period.first.isoformat(), region) if part)


def _period(pool: Pool, kind: Kind, day: date | None) -> Period:
    known = bounds(pool)
    if day is not None:
        return period_of(kind, day)
    if known.arrived_until is None:
        raise ValueError("--date must be given where the pool is empty; got nothing; write it as --date 2026-11-21")
    return last_complete(kind, known.arrived_until)


def _require_region(region: str, tables: Tables) -> None:
    if region and (len(region) not in (6, 9) or region not in tables.regions or county_of(region) is None):
        raise ValueError(
            f"--region must be the code of a county (6 digits) or township (9 digits) that is known; got `{region}`"
        )
