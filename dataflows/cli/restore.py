"""`anlan restore`: what was lost is made again from what is left."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from alerts.model import from_us
from dataflows.failures import said_plainly
from dataflows.history_origin import Command
from dataflows.history_progress import history_progress, rows_progress
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings, load_settings
from dataflows.start import state_folder
from dataflows.upkeep.archive import Archive
from dataflows.upkeep.backup import days_before, days_of
from dataflows.upkeep.plan import Plan, RefusedError, look_at_log
from dataflows.upkeep.restoring_pool import PoolRestored, plan_of_pool, restore_pool
from dataflows.upkeep.restoring_redis import plan_of_redis, restore_redis
from dataflows.upkeep.restoring_state import plan_of_state, restore_state


@click.group()
def restore() -> None:
    """Make again what was lost: Redis, the data pool, or the state of the flow.

    The intake log is the truth and everything behind it follows from it. Stop the flow first, and start it when this
    is done: nothing that comes in meanwhile is lost. --dry-run says what would be done and what cannot come back.
    """


def _restores(command: Command) -> Command:
    """A restore: its settings, whether it is only to say what it would do, and what stands in its way."""

    @click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing. The flow may run.")
    @click.option("--overwrite", is_flag=True, help="Go on where something is there already.")
    @click.option("--config", type=click.Path(dir_okay=False), help="TOML file with the settings of this installation.")
    @functools.wraps(command)
    def with_settings(config: str | None, **options: Any) -> None:
        with said_plainly():
            command(load_settings(config), **options)

    found: Command = with_settings
    return found


@restore.command()
@_restores
def redis(settings: Settings, dry_run: bool, overwrite: bool) -> None:
    """Redis was lost: write the feeds again from the alerts topic, and what people did from the audit in the pool.

    Readers go on where they are: what they know comes again under its number, and says nothing.
    """
    with _agreed(settings, lambda: plan_of_redis(settings, overwrite), dry_run) as goes_on:
        if goes_on:
            with rows_progress("revisions") as seen:
                done = restore_redis(settings, overwrite, seen)
            click.echo(f"redis has {done.revisions:,} revisions and {done.actions:,} actions again; start the flow")


@restore.command()
@click.option(
    "--from", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Begin with a backup."
)
@_restores
def pool(settings: Settings, dry_run: bool, overwrite: bool, folder: Path | None) -> None:
    """ClickHouse was lost: make the pool again from the intake log, the alerts topic and the dead letters.

    With --from a backup is put back first, and of the log only what came later is read: for what the broker has cut
    off, and for what stands nowhere else.
    """
    archive = None if folder is None else Archive(folder)
    with _agreed(settings, lambda: plan_of_pool(settings, overwrite, archive), dry_run) as goes_on:
        if goes_on:
            _say_pool(_restored(settings, archive))
            if archive is not None:
                _compare(archive, settings)
            click.echo("the pool is made again; start the flow")


def _restored(settings: Settings, archive: Archive | None) -> PoolRestored:
    log = look_at_log(kafka_of(settings))
    since_us = log.since_us if archive is None else archive.manifest.clock_us
    with history_progress("log", since_us, log.until_us) as seen:
        return restore_pool(settings, archive, lambda at_us, count: seen(from_us(at_us), count))


def _say_pool(done: PoolRestored) -> None:
    for table, rows in sorted(done.rows.items()):
        click.echo(f"{table:<16} {rows:>10,} rows")
    if done.differing or done.untold:
        click.echo(
            f"{done.differing:,} revisions say something else in the log than readers were told, and {done.untold:,}"
            " are not in the alerts topic; `anlan digest --compare` says which",
            err=True,
        )


def _compare(archive: Archive, settings: Settings) -> None:
    """Hold the days that were over when a backup was made against its digests."""
    wanted, found = days_before(archive.manifest), days_of(pool_of(settings))
    if differing := [day.day for day in wanted if day not in found]:
        raise RefusedError(
            f"the days of a backup must come back as they were said; got others for {', '.join(sorted(set(differing)))}"
        )
    click.echo(f"{len({day.day for day in wanted}):,} days have the digests that the backup names")


@restore.command()
@_restores
def state(settings: Settings, dry_run: bool, overwrite: bool) -> None:
    """The state of the flow was lost, or is not trusted: set it aside; the next start makes it again from the log.

    Where there is no state the flow does so by itself. What is set aside stays in `set-aside` beside it.
    """
    with _agreed(settings, lambda: plan_of_state(settings, overwrite), dry_run) as goes_on:
        if goes_on:
            done = restore_state(settings)
            where = f"the state is in {done.set_aside} now" if done.set_aside else "there was no state"
            click.echo(f"{where}; start the flow: it says `rebuild_done` when it is there again")


@contextmanager
def _agreed(settings: Settings, plan_of: Callable[[], Plan], dry_run: bool) -> Iterator[bool]:
    """Say the plan. Whether it is carried out: not in a dry run; what stands in its way is an error."""
    if dry_run:
        _say(plan_of(), "would: ")
        yield False
        return
    with state_folder(settings):  # no flow runs on it, and none starts
        plan = plan_of()
        if plan.refusals:
            raise RefusedError("; ".join(plan.refusals))
        _say(plan, "")
        yield True


def _say(plan: Plan, word: str) -> None:
    for sentence in plan.does:
        click.echo(f"{word}{sentence}")
    for sentence in plan.lacks:
        click.echo(f"does not come back: {sentence}")
    for sentence in plan.refusals:
        click.echo(f"would refuse: {sentence}")
