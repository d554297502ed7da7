"""`anlan digest`: was the same said? The digests of a day, from the pool, from a replay of the log, or both."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
from rich.table import Table

from alerts.channel import Channel
from alerts.digest import Audience, Difference, Digest, Said, bounds, by_day, differences, local_day
from alerts.local_time import local_time
from alerts.rule import Rule
from connectors.kafka import INTAKE_LOG, log_bounds
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.digest_sources import Span, of_files, of_log, of_pool
from dataflows.failures import said_plainly
from dataflows.history import as_json as json_option
from dataflows.history import console
from dataflows.history_origin import READABLE
from dataflows.history_progress import history_progress
from dataflows.history_span import span_of
from dataflows.installation import clock_of
from dataflows.memory import HARDLY, calm_collector
from dataflows.rule_paths import many
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings, load_settings

SHORT = 16  # characters of a digest in the table
TOLD_AT_MOST = 20

Digests = Mapping[tuple[date, Audience], Digest]


class Side(NamedTuple):
    """One place that can tell what was said: its name, and what it says."""

    name: str
    said: Sequence[Said]


class Asked(NamedTuple):
    """The installation and the days that are asked for."""

    settings: Settings
    days: Sequence[date]

    @property
    def span(self) -> Span:
        """From the first instant of the first day to the first after the last."""
        return bounds(self.days[0])[0], bounds(self.days[-1])[1]


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The local day; default: yesterday.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1), help="So many days, up to that one.")
@click.option("--log", "from_log", is_flag=True, help="Replay the intake log in Kafka instead of asking the pool.")
@click.option("--files", multiple=True, type=READABLE, help="Replay files of Event v1 lines instead; may be repeated.")
@click.option("--compare", is_flag=True, help="Ask the pool, replay the log, and say where they differ.")
@click.option(
    "--rules", "rule_paths", multiple=True, type=click.Path(exists=True),
    help="Rules for --files, or for a log without a rule book; default: those of the installation.",
)  # fmt: skip
@click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
@json_option
def digest(
    day: datetime | None, days: int, from_log: bool, files: tuple[Path, ...], compare: bool,
    rule_paths: tuple[str, ...], config: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Print the digests of a day: two hashes that are equal where the same was said.

    The strong digest covers every revision of the day, byte for byte. The weak one covers the alerts: rule, key,
    episode, highest level and evidence; it does not ask how many revisions it took. Readers of the feeds were `told`
    what counts as told; what shadow rules recorded stands apart. The intake log is the truth, so a replay of it must
    give what the pool holds: --compare says whether it does, and is meant for every night.

    \b
    anlan digest --day 2026-11-20 --config anlan.toml
    anlan digest --days 7 --log --config anlan.toml
    anlan digest --files events.jsonl --day 2026-11-20 --days 30
    anlan digest --compare --config anlan.toml

    Exits with 0, or with --compare with 1 if the two differ.
    """
    given = [name for name, is_on in (("--log", from_log), ("--files", files), ("--compare", compare)) if is_on]
    if len(given) > 1:
        raise click.UsageError(f"at most one of --log, --files and --compare must be given; got {' and '.join(given)}")
    with said_plainly():
        asked = _asked(day, days, config)
        sides = list(_sides(asked, from_log or compare, files, compare, rule_paths))
        digests = [by_day(side.said, asked.days) for side in sides]
        found = differences(sides[0].said, sides[1].said) if compare else []
        _print_json(sides, digests, found) if as_json else _print(sides, digests, found)
    if found:
        sys.exit(1)


def _asked(day: datetime | None, days: int, config: str | None) -> Asked:
    settings = load_settings(config)
    last = day.date() if day else local_day(clock_of(settings)()) - timedelta(days=1)
    return Asked(settings, [last - timedelta(days=back) for back in reversed(range(days))])


def _sides(asked: Asked, from_log: bool, files: Sequence[Path], compare: bool, rule_paths: Sequence[str]) -> list[Side]:
    if not (from_log or files):
        return [Side("pool", of_pool(pool_of(asked.settings), asked.span))]
    channels = load_channels()
    rules = load_rules(list(rule_paths or asked.settings.rules) or [RULES_FOLDER], channels)
    replayed = _of_files(asked, files, rules, channels) if files else _of_log(asked, rules, channels)
    if not compare:
        return [replayed]
    return [Side("pool", of_pool(pool_of(asked.settings), asked.span)), replayed]


def _of_log(asked: Asked, rules: list[Rule], channels: dict[str, Channel]) -> Side:
    with history_progress("log", None, asked.span[1]) as seen, calm_collector(HARDLY):
        found, reached = of_log(kafka_of(asked.settings), rules, channels, asked.span, seen)
    if reached < asked.span[1]:
        click.echo(
            f"the log has not passed the end of {asked.days[-1]}: it ends at {local_time(reached)};"
            " more may be said of that day",
            err=True,
        )
    if any(low for low, _ in log_bounds(kafka_of(asked.settings), INTAKE_LOG).values()):
        click.echo("the broker no longer has the beginning of the log; what began before it may differ", err=True)
    return Side("log", found)


def _of_files(asked: Asked, files: Sequence[Path], rules: list[Rule], channels: dict[str, Channel]) -> Side:
    with history_progress("files", *span_of(files)) as seen, calm_collector(HARDLY):
        found, refusals = of_files(files, rules, channels, asked.span, seen)
    if refusals.dead:
        said = f"{many(len(refusals.dead), 'row')} could not become events; `anlan replay --deadletters-out` says why"
        click.echo(said, err=True)
    return Side("files", found)


def _print(sides: Sequence[Side], digests: Sequence[Digests], found: Sequence[Difference]) -> None:
    table = Table("day", "", "from", "revisions", "alerts", "strong", "weak")
    for place in digests[0]:
        for side, known in zip(sides, digests, strict=True):
            row = known[place]
            if row.revisions or place[1] == "told" or any(other[place].revisions for other in digests):
                counts = (f"{row.revisions:,}", f"{row.alerts:,}")
                table.add_row(str(place[0]), place[1], side.name, *counts, row.strong[:SHORT], row.weak[:SHORT])
    out = console()
    out.print(table)
    if len(sides) == 1:
        return
    for line in _in_words(sides, found):
        out.print(line, soft_wrap=True)


def _in_words(sides: Sequence[Side], found: Sequence[Difference]) -> list[str]:
    one, other = (side.name for side in sides)
    if not found:
        return [f"equal: {one} and {other} say the same, {many(len(sides[0].said), 'revision')}"]
    more = [f"… and {len(found) - TOLD_AT_MOST:,} more"] if len(found) > TOLD_AT_MOST else []
    told = [_difference(each, one, other) for each in found[:TOLD_AT_MOST]]
    return [f"not equal: {many(len(found), 'revision')} of {one} and {other} differ, the first of them:", *told, *more]


def _difference(difference: Difference, one: str, other: str) -> str:
    each = difference.first or difference.second
    assert each is not None
    what = "other content"
    if difference.second is None:
        what = f"in the {one}, missing in the {other}"
    elif difference.first is None:
        what = f"in the {other}, missing in the {one}"
    key = " ".join(f"{name}={value}" for name, value in each.key.items())
    when = local_time(each.detected_us)
    return f"  {when} {each.rule} {key} episode {each.episode} revision {each.revision}: {what} ({each.alert_id})"


def _print_json(sides: Sequence[Side], digests: Sequence[Digests], found: Sequence[Difference]) -> None:
    plain: dict[str, Any] = {
        side.name: [
            {"day": str(day), "audience": audience, **msgspec.to_builtins(row)}
            for (day, audience), row in known.items()
        ]
        for side, known in zip(sides, digests, strict=True)
    }
    if len(sides) == 2:
        plain["equal"] = not found
        plain["differences"] = [_plain(each, *(side.name for side in sides)) for each in found]
    click.echo(msgspec.json.encode(plain))


def _plain(difference: Difference, one: str, other: str) -> dict[str, Any]:
    each = difference.first or difference.second
    assert each is not None
    hashes = {
        name: None if side is None else side.content_hash
        for name, side in zip((one, other), difference, strict=True)
    }  # fmt: skip
    names = ("alert_id", "revision", "rule", "key", "episode")
    return {**{name: getattr(each, name) for name in names}, "content_hash": hashes}
